// Package owner tells which capprof process made something that outlives a process, and
// whether that one still runs.
package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Owner identifies one capprof process so that another can tell whether it
// still runs. A PID alone is used again; with the start time it is unique
// within one boot and PID namespace.
type Owner struct {
	host, boot, namespace string
	pid                   int
	// started is field 22 of /proc/PID/stat, clock ticks since boot.
	started string
}

// Current describes this process.
func Current() (Owner, error) { return Of(os.Getpid()) }

// Of describes a process of this machine and of this process's PID namespace.
func Of(pid int) (Owner, error) {
	host, err := os.Hostname()
	if err != nil {
		return Owner{}, fmt.Errorf("reading the host name: %w", err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Owner{}, fmt.Errorf("reading the boot ID: %w", err)
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return Owner{}, fmt.Errorf("reading the PID namespace: %w", err)
	}
	started, err := startTime(pid)
	if err != nil {
		return Owner{}, err
	}
	return Owner{host: host, boot: strings.TrimSpace(string(boot)), namespace: namespace, pid: pid, started: started}, nil
}

// String is one word for a label. A host name cannot hold a slash (hostname(7)).
func (o Owner) String() string {
	return strings.Join([]string{o.host, o.boot, o.namespace, strconv.Itoa(o.pid), o.started}, "/")
}

// Parse reads what String wrote.
func Parse(label string) (Owner, error) {
	fields := strings.Split(label, "/")
	if len(fields) != 5 {
		return Owner{}, fmt.Errorf("owner %q has %d fields, not 5", label, len(fields))
	}
	pid, err := strconv.Atoi(fields[3])
	if err != nil || pid <= 0 {
		return Owner{}, fmt.Errorf("owner %q: %q is no process ID", label, fields[3])
	}
	return Owner{host: fields[0], boot: fields[1], namespace: fields[2], pid: pid, started: fields[4]}, nil
}

// Gone reports whether the process is known to have ended. What cannot be seen
// from here (another machine, another PID namespace) counts as alive, because
// removing the container of a running capprof is worse than leaving one.
// running says whether what is in question is a container that runs.
func (o Owner) Gone(self Owner, running bool) bool {
	switch {
	case o.host != self.host:
		return false
	case o.boot != self.boot:
		// This machine has rebooted since. A container that runs was started
		// after that, by somebody who bears the same host name.
		return !running
	case o.namespace != self.namespace:
		return false
	}
	started, err := startTime(o.pid)
	if errors.Is(err, fs.ErrNotExist) {
		// Where /proc is mounted with hidepid=2 the processes of others are not there
		// either (proc(5)). A signal that is none tells: EPERM for a process of
		// somebody else's, ESRCH for none.
		return errors.Is(syscall.Kill(o.pid, 0), syscall.ESRCH)
	}
	return err == nil && started != o.started
}

// startTime reads field 22 of /proc/PID/stat (proc_pid_stat(5)). The second
// field, the name in parentheses, may itself hold blanks and parentheses.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", fmt.Errorf("reading the start time of process %d: %w", pid, err)
	}
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	fields := strings.Fields(rest)
	const afterName = 22 - 3 // rest starts at field 3
	if len(fields) <= afterName {
		return "", fmt.Errorf("reading the start time of process %d: %d fields", pid, len(fields))
	}
	return fields[afterName], nil
}
