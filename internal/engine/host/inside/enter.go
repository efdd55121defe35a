package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// The descriptors of the step to a program, behind the standard ones.
const (
	reportFD  = 3 // a Failure as JSON is written here, nothing where the program runs
	mountsFD  = 4 // the mount namespace to enter
	programFD = 5 // the Program as JSON
)

// failed is an error of the way to a program.
type failed struct {
	doing   string
	execing bool
	err     error
}

func (f *failed) Error() string { return f.doing + ": " + f.err.Error() }

// enter becomes the program. It returns where that fails.
func enter() int {
	// Namespaces, users and capabilities are a thread's: all is done by one, which
	// becomes the program.
	runtime.LockOSThread()
	for _, fd := range []int{reportFD, mountsFD, programFD} {
		unix.CloseOnExec(fd)
	}
	err := become()
	failure := Failure{Doing: err.doing, Execing: err.execing}
	var errno syscall.Errno
	if errors.As(err.err, &errno) {
		failure.Errno = int(errno)
	} else {
		failure.Doing = err.Error()
	}
	_ = json.NewEncoder(os.NewFile(reportFD, "report")).Encode(failure) // nobody else to tell
	return 1
}

// become goes all the way.
func become() *failed {
	var p Program
	if err := json.NewDecoder(io.NewSectionReader(os.NewFile(programFD, "program"), 0, 1<<32)).Decode(&p); err != nil {
		return &failed{doing: "reading what to start", err: err}
	}
	if p.Full {
		p.UID, p.GID, p.Groups, p.Bounding, p.NoNewPrivileges = 0, 0, nil, ^capability.Set(0), false
	}
	for _, step := range []struct {
		doing string
		do    func(Program) error
	}{
		{"entering the file tree", enterMounts},
		// Whoever starts it may enter its directory, also where it may not itself (systemd
		// and Docker do the same).
		{"entering the directory " + p.Dir, func(p Program) error { return unix.Chdir(p.Dir) }},
		{"setting a limit", setLimits},
		{"setting the OOM score", setOOMScore},
		{"giving the streams to the user", giveStreams},
		{"dropping capabilities from the bounding set", dropBounding},
		{"becoming the user", becomeUser},
		{"setting the capabilities", setCapabilities},
		{"setting no_new_privs", setNoNewPrivileges},
	} {
		if err := step.do(p); err != nil {
			return &failed{doing: step.doing, err: err}
		}
	}
	return execute(p)
}

func enterMounts(Program) error {
	// A mount namespace is entered by whoever shares his root directory with nobody
	// (setns(2)).
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	return unix.Setns(mountsFD, unix.CLONE_NEWNS)
}

func setLimits(p Program) error {
	for _, l := range p.Limits {
		if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return fmt.Errorf("limit %d to %d, at most %d: %w", l.Resource, l.Soft, l.Hard, err)
		}
	}
	return nil
}

func setOOMScore(p Program) error {
	if p.Umask != nil {
		unix.Umask(*p.Umask)
	}
	if p.OOMScoreAdj == nil {
		return nil
	}
	return os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*p.OOMScoreAdj)), 0)
}

// giveStreams lets the user open /dev/stdout and its like, as container runtimes do (runc,
// fixStdioPermissions). What is not ours to give stays as it is.
func giveStreams(p Program) error {
	for fd := range 3 {
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			return err
		}
		null := stat.Mode&unix.S_IFMT == unix.S_IFCHR && stat.Rdev == unix.Mkdev(1, 3)
		if null || stat.Uid == p.UID {
			continue
		}
		if err := unix.Fchown(fd, int(p.UID), int(stat.Gid)); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	return nil
}

// dropBounding leaves Bounding. What this process does not have cannot be left: whoever
// asked for it has been told.
func dropBounding(p Program) error {
	for c := range capability.Max + 1 {
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil // behind the kernel's last one
		}
		if err != nil {
			return err
		}
		if held == 0 || p.Bounding.Has(c) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

// becomeUser changes this thread alone. It keeps the permitted set over that.
func becomeUser(p Program) error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := setGroups(p.Groups); err != nil {
		return fmt.Errorf("groups %v: %w", p.Groups, err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(p.GID), uintptr(p.GID), uintptr(p.GID)); errno != 0 {
		return fmt.Errorf("group %d: %w", p.GID, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(p.UID), uintptr(p.UID), uintptr(p.UID)); errno != 0 {
		return fmt.Errorf("user %d: %w", p.UID, errno)
	}
	return unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0)
}

// setCapabilities sets those that execve(2) starts from: root's program gets the bounding
// set by it whatever they are, another user's gets the ambient ones.
func setCapabilities(p Program) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var now [2]unix.CapUserData
	if err := unix.Capget(&header, &now[0]); err != nil {
		return err
	}
	permitted := capability.Set(now[0].Permitted) | capability.Set(now[1].Permitted)<<32
	permitted = permitted.Intersect(p.Bounding)
	var inheritable capability.Set
	switch {
	case p.UID != 0 && p.Ambient:
		inheritable = permitted
	case p.UID != 0:
		permitted = 0
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	for i := range now {
		shift := 32 * i
		now[i] = unix.CapUserData{
			Permitted: uint32(permitted >> shift), Effective: uint32(permitted >> shift), Inheritable: uint32(inheritable >> shift),
		}
	}
	if err := unix.Capset(&header, &now[0]); err != nil {
		return err
	}
	for c := range inheritable.All() {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); err != nil {
			return fmt.Errorf("ambient %s: %w", c, err)
		}
	}
	return nil
}

func setNoNewPrivileges(p Program) error {
	if !p.NoNewPrivileges {
		return nil
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// execute becomes the program, which is looked for as execvp(3) does: one without a slash
// in the directories of PATH. A file that is in the way is not taken for the program
// while there is another.
func execute(p Program) *failed {
	name := p.Argv[0]
	doing := fmt.Sprintf("executing %q", name)
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, dir := range filepath.SplitList(variable(p.Env, "PATH")) {
			candidates = append(candidates, filepath.Join(dir, name))
		}
	}
	last := error(syscall.ENOENT)
	for _, path := range candidates {
		// Without a file no call is made that a trace would see.
		if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() && len(candidates) > 1 {
			continue
		}
		err := syscall.Exec(path, p.Argv, p.Env)
		if !errors.Is(err, syscall.ENOENT) {
			last = err
		}
		if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EACCES) {
			break
		}
	}
	return &failed{doing: doing, execing: true, err: last}
}

// variable is the last value of a name in an environment, as a program would see it.
func variable(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if key, v, _ := strings.Cut(entry, "="); key == name {
			value = v
		}
	}
	return value
}
