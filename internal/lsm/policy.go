package lsm

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
)

// Of AppArmor's policy: classes of rules and permissions (security/apparmor/include:
// apparmor.h, perms.h, mount.h, file.h).
const (
	classFile  = 2
	classMount = 7

	mayExecute = 1 << 0
	mayWrite   = 1 << 1
	mayRead    = 1 << 2

	mayMount   = 1 << 1
	mayUnmount = 1 << 2
	// seesData: it depends on the data of the mount, which nobody knows here.
	seesData = 1 << 6
)

// Ruling asks AppArmor's policy, as it is loaded now, whether a profile lets something
// through. Kernels without the file that is asked, and profiles that are not there, give
// no answer; nor does what depends on more than is known, such as the type of a file
// system. SELinux's policy is not asked.
func (k *Kernel) Ruling(module, profile string, a observation.Access) observation.Ruling {
	if module != string(engine.AppArmor) {
		return observation.Ruling{}
	}
	var questions []string
	wanted := uint32(0)
	switch a.Kind {
	case observation.FileAccess:
		for _, asked := range []struct {
			is  bool
			bit uint32
		}{{a.Execute, mayExecute}, {a.Write, mayWrite}, {a.Read, mayRead}} {
			if asked.is {
				wanted |= asked.bit
			}
		}
		questions = []string{string(rune(classFile)) + a.Path}
	case observation.UnmountAccess:
		wanted = mayUnmount
		for _, at := range directory(a.Path) {
			questions = append(questions, string(rune(classMount))+at)
		}
	case observation.MountAccess:
		wanted = mayMount
		questions = k.mountQuestions(a)
	}
	if wanted == 0 || len(questions) == 0 {
		return observation.Ruling{}
	}
	var all observation.Ruling
	for i, question := range questions {
		one := k.ask(profile, question, wanted)
		switch {
		case !one.Known, i > 0 && one.Allowed != all.Allowed:
			return observation.Ruling{} // it depends
		case i == 0:
			all = one
		}
		all.Silent = all.Silent && one.Silent
	}
	return all
}

// directory are the names under which AppArmor may know a path: that of a directory ends
// with a slash.
func directory(name string) []string {
	if strings.HasSuffix(name, "/") {
		return []string{name}
	}
	return []string{name + "/", name}
}

// ignored are flags of mount(2) that AppArmor does not look at (AA_MS_IGNORE_MASK), and
// the magic number of old callers.
const ignored = 1<<22 | 1<<28 | 1<<29 | 1<<30

// mountQuestions are what is matched against the policy for a mount(2), as
// security/apparmor/mount.c does it: the target, the source, the type of the file system
// and a byte for each flag, with a zero byte behind each of the first three. One question
// for each type that the kernel has: the call's own is not known.
func (k *Kernel) mountQuestions(a observation.Access) []string {
	flags := a.Flags
	if flags&0xffff0000 == unix.MS_MGC_VAL {
		flags &^= 0xffff0000
	}
	flags &^= ignored
	const propagation = unix.MS_SHARED | unix.MS_PRIVATE | unix.MS_SLAVE | unix.MS_UNBINDABLE
	sources, types := []string{a.Source}, []string{""}
	switch {
	case flags&unix.MS_REMOUNT != 0:
		sources = []string{""}
	case flags&unix.MS_BIND != 0:
		flags &= unix.MS_BIND | unix.MS_REC
		sources = directory(a.Source)
	case flags&propagation != 0:
		flags &= propagation | unix.MS_REC | unix.MS_SILENT
		sources = []string{""}
	case flags&unix.MS_MOVE != 0:
		flags = unix.MS_MOVE
		sources = directory(a.Source)
	default:
		types = k.fileSystems()
	}
	last := ""
	for i := range 32 {
		if flags&(1<<i) != 0 {
			last += string([]byte{byte(i + 1)})
		}
	}
	var all []string
	for _, at := range directory(a.Path) {
		for _, source := range sources {
			for _, kind := range types {
				all = append(all, string(rune(classMount))+at+"\x00"+source+"\x00"+kind+"\x00"+last)
			}
		}
	}
	return all
}

// fileSystems are the types that the kernel has now.
func (k *Kernel) fileSystems() []string {
	text, err := os.ReadFile(k.filesystems)
	if err != nil {
		return nil
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) > 0 {
			all = append(all, words[len(words)-1])
		}
	}
	return all
}

// ask asks one question.
func (k *Kernel) ask(profile, question string, wanted uint32) observation.Ruling {
	answer, err := k.query("label\x00" + profile + "\x00" + question)
	if err != nil {
		return observation.Ruling{}
	}
	return ruling(answer, question, wanted)
}

// queryPolicy is answered by security/apparmor/apparmorfs.c:query_label. The file takes
// one question and gives one answer each time that it is opened.
func queryPolicy(question string) ([]byte, error) {
	file, err := os.OpenFile("/sys/kernel/security/apparmor/.access", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.WriteString(question); err != nil {
		return nil, err
	}
	answer := make([]byte, 512)
	n, err := file.Read(answer)
	return answer[:n], err
}

// ruling reads an answer: four words of bits.
func ruling(answer []byte, question string, wanted uint32) observation.Ruling {
	var allow, deny, audit, quiet uint32
	if _, err := fmt.Fscanf(bytes.NewReader(answer), "allow 0x%x\ndeny 0x%x\naudit 0x%x\nquiet 0x%x\n", &allow, &deny, &audit, &quiet); err != nil {
		return observation.Ruling{}
	}
	allow &^= deny
	missing := wanted &^ allow
	if missing != 0 && question[0] == classMount && wanted == mayMount && allow&seesData != 0 {
		return observation.Ruling{}
	}
	return observation.Ruling{Known: true, Allowed: missing == 0, Silent: missing != 0 && quiet&missing == missing}
}
