package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// processOperations act on other processes: most on a child of another user's,
// which takes CAP_SETUID to have. A function, since children are operations too.
func processOperations() map[string]operation {
	return map[string]operation{
		"wait":                     wait,
		"signal-other":             onOther(func(pid int) error { return unix.Kill(pid, 0) }),
		"trace-other":              onOther(trace),
		"trace-own":                onOwn(trace),
		"read-exe-other":           onOther(readExe),
		"read-environ-other":       onOther(readEnviron),
		"read-maps-other":          onOther(readMaps),
		"read-memory-other":        onOther(openMemory),
		"read-status-other":        onOther(readStatus),
		"compare-own":              onOwn(compare),
		"priority-other":           onOther(func(pid int) error { return unix.Setpriority(unix.PRIO_PROCESS, pid, 1) }),
		"priority-lower":           func([]string) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 5) },
		"affinity-other":           onOther(affinity),
		"schedule-fifo":            scheduleFIFO,
		"schedule-deadline":        scheduleDeadline,
		"io-priority-realtime":     ioPriority,
		"limits-other":             onOther(limits),
		"advise-other":             onOther(advise),
		"raise-hard-limit":         raiseHardLimit,
		"oom-score-lower":          func([]string) error { return os.WriteFile("/proc/self/oom_score_adj", []byte("-1"), 0) },
		"oom-score-raise":          func([]string) error { return os.WriteFile("/proc/self/oom_score_adj", []byte("1"), 0) },
		"set-brk":                  setBrk,
		"move-pages-other":         onOther(movePages),
		"bind-memory-policy":       bindMemoryPolicy,
		"interleave-memory-policy": interleaveMemoryPolicy,
	}
}

// child is a command with this program's own error stream.
func child(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

// wait says so and waits for the end of its input.
func wait([]string) error {
	if _, err := fmt.Fprintln(os.Stdout, "waiting"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// on does something to a child that waits meanwhile.
func on(credential *syscall.Credential, act func(pid int) error) (err error) {
	cmd := child("/ops", "wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	// PTRACE calls must all come from one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a child: %w", err)
	}
	defer func() {
		_ = input.Close()
		_ = cmd.Wait()
	}()
	// Its first line says that it has become what it is.
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		return fmt.Errorf("waiting for the child: %w", err)
	}
	return act(cmd.Process.Pid)
}

func onOther(act func(pid int) error) operation {
	return func([]string) error {
		// The group stays, so that CAP_SETGID is no part of it.
		return on(&syscall.Credential{Uid: other, NoSetGroups: true}, act)
	}
}

func onOwn(act func(pid int) error) operation {
	return func([]string) error { return on(nil, act) }
}

func trace(pid int) error {
	if err := unix.PtraceSeize(pid); err != nil {
		return err
	}
	if err := unix.PtraceInterrupt(pid); err != nil {
		return err
	}
	if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

func readExe(pid int) error {
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err
}

// readEnviron opens a file of mode 0400 and another owner, and then asks to look
// into its memory: a DAC capability first, CAP_SYS_PTRACE or CAP_SYS_ADMIN then.
func readEnviron(pid int) error {
	_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err
}

func readMaps(pid int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err == nil && len(text) == 0 {
		return errors.New("the map is empty")
	}
	return err
}

func openMemory(pid int) error {
	file, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	return file.Close()
}

// readStatus is what ps does: some fields are hidden, and nobody minds.
func readStatus(pid int) error {
	_, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err
}

// compare asks whether two processes share their open files: kcmp(2), which the
// seccomp profile holds back.
func compare(pid int) error {
	const files = 2 // KCMP_FILES, linux/kcmp.h
	if _, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(pid), files, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func affinity(pid int) error {
	var mask unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &mask); err != nil {
		return err
	}
	return unix.SchedSetaffinity(pid, &mask)
}

// scheduleFIFO asks for the real-time scheduler, which a control group without
// real-time budget refuses whatever the capabilities.
func scheduleFIFO([]string) error {
	return onThread(func() error {
		priority := int32(1)
		const fifo = 1 // SCHED_FIFO, linux/sched.h
		if _, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, fifo, pointer(&priority)); errno != 0 {
			return errno
		}
		return nil
	})
}

func scheduleDeadline([]string) error {
	return onThread(func() error {
		return unix.SchedSetAttr(0, &unix.SchedAttr{
			Size: unix.SizeofSchedAttr, Policy: unix.SCHED_DEADLINE,
			Runtime: 1_000_000, Deadline: 100_000_000, Period: 100_000_000,
		}, 0)
	})
}

// ioPriority asks for the real-time class: ioprio_set(2).
func ioPriority([]string) error {
	return onThread(func() error {
		const process, realtime = 1, 1 << 13
		if _, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_SET, process, 0, realtime|4); errno != 0 {
			return errno
		}
		return nil
	})
}

func limits(pid int) error {
	var old unix.Rlimit
	return unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &old)
}

// advise tells the kernel that a page of another process is not needed soon:
// CAP_SYS_PTRACE or so to look, CAP_SYS_NICE to do it.
func advise(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Not an address of the child's: that is told only after both checks.
	vector := [2]uintptr{0x1000, 4096} // struct iovec
	const cold = 20                    // MADV_COLD
	_, _, errno := unix.Syscall6(unix.SYS_PROCESS_MADVISE, uintptr(fd), pointer(&vector), 1, cold, 0, 0)
	if errno != 0 && errno != unix.ENOMEM {
		return errno
	}
	return nil
}

// raiseHardLimit lowers a hard limit and raises it again: CAP_SYS_RESOURCE.
func raiseHardLimit([]string) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1})
}

// setBrk moves the end of the heap's record: prctl(2), PR_SET_MM.
func setBrk([]string) error {
	brk, _, _ := unix.RawSyscall(unix.SYS_BRK, 0, 0, 0)
	return unix.Prctl(unix.PR_SET_MM, unix.PR_SET_MM_BRK, brk, 0, 0)
}

func movePages(pid int) error {
	_, _, errno := unix.Syscall6(unix.SYS_MOVE_PAGES, uintptr(pid), 0, 0, 0, 0, 0)
	if errno == unix.ENOSYS {
		return nil // let through, to a kernel without it
	}
	return refusal(errno)
}

// bindMemoryPolicy needs nothing of the kernel, yet CAP_SYS_NICE of Docker's
// seccomp profile.
func bindMemoryPolicy([]string) error {
	_, _, errno := unix.Syscall6(unix.SYS_MBIND, 0, 0, 0, 0, 0, 0)
	return refusal(errno)
}

func interleaveMemoryPolicy([]string) error {
	_, _, errno := unix.Syscall(unix.SYS_SET_MEMPOLICY, 0, 0, 0)
	return refusal(errno)
}
