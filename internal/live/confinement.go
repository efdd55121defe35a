package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/prometheus/procfs"

	"github.com/capprof/capprof/internal/engine"
)

// Confinement is what the kernel's security modules hold the first process under, by
// the name of the module. It is engine.ErrUnseen, too, while the first process is still
// the runtime's own, which is confined otherwise.
func (c Container) Confinement() ([]engine.Confinement, error) {
	if _, err := c.members(); err != nil {
		return nil, err
	}
	process, err := procfs.NewProc(c.PID)
	if err != nil {
		return nil, notRunning(err)
	}
	status, err := process.NewStatus()
	if err != nil {
		return nil, notRunning(err)
	}
	if isRuntime(status.Name) {
		return nil, fmt.Errorf("%w: the command of process %d has not begun", engine.ErrUnseen, c.PID)
	}
	return confinementOf(fmt.Sprintf("/proc/%d/attr", c.PID), "/sys/fs/selinux/enforce")
}

// confinementOf reads the attributes of a process (proc_pid_attr(5)). attr/current is the
// first module's that has labels, SELinux's where there is one; AppArmor has a directory
// of its own since kernel 5.1.
func confinementOf(attr, enforce string) ([]engine.Confinement, error) {
	var all []engine.Confinement
	profile, err := label(attr + "/apparmor/current")
	if err != nil {
		return nil, err
	}
	if held, ok := engine.AppArmorConfinement(profile); ok {
		all = append(all, held)
	}
	mode, err := os.ReadFile(enforce)
	if err != nil {
		// No SELinux in this kernel, or none that is mounted here.
		return all, nil
	}
	context, err := label(attr + "/current")
	if err != nil {
		return nil, err
	}
	if held, ok := engine.SELinuxConfinement(context); ok {
		held.Permissive = strings.TrimSpace(string(mode)) == "0"
		all = append(all, held)
	}
	return all, nil
}

// label reads one attribute, "" where the module is not there: EINVAL is what a kernel
// says of a module that was left out when it started.
func label(file string) (string, error) {
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		return string(text), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EOPNOTSUPP):
		return "", nil
	}
	return "", notRunning(err)
}
