package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
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
		"compare-other":            onOther(compare),
		"trace-more":               onMore(trace),
		"read-environ-more":        onMore(readEnviron),
		"read-map-files":           readMapFiles,
		"queue-over-limit":         queueOverLimit,
		"priority-other":           onOther(func(pid int) error { return setPriority(pid, 1) }),
		"priority-lower":           func([]string) error { return onThread(func() error { return setPriority(0, 5) }) },
		"affinity-other":           onOther(affinity),
		"schedule-fifo":            scheduleFIFO,
		"schedule-deadline":        scheduleDeadline,
		"io-priority-realtime":     ioPriority,
		"limits-other":             onOther(limits),
		"advise-other":             onOther(advise),
		"raise-hard-limit":         raiseHardLimit,
		"oom-score-lower":          func([]string) error { return adjustScore("-1") },
		"oom-score-raise":          func([]string) error { return adjustScore("1") },
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

// onChild does something to a child that does the operation named, which must say
// when it is ready, and wait.
func onChild(credential *syscall.Credential, operation string, act func(pid int) error) (err error) {
	cmd := child("/ops", operation)
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
		return onChild(&syscall.Credential{Uid: other, NoSetGroups: true}, "wait", act)
	}
}

func onOwn(act func(pid int) error) operation {
	return func([]string) error { return onChild(nil, "wait", act) }
}

// onMore does something to a child of the same user that holds CAP_NET_RAW,
// without holding it.
func onMore(act func(pid int) error) operation {
	return func([]string) error {
		if err := open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP); err != nil {
			return err
		}
		return onChild(nil, "wait", func(pid int) error {
			header, data, err := readCapabilities()
			if err != nil {
				return err
			}
			data[0].Effective &^= 1 << unix.CAP_NET_RAW
			data[0].Permitted &^= 1 << unix.CAP_NET_RAW
			if err := unix.Capset(header, &data[0]); err != nil {
				return fmt.Errorf("giving CAP_NET_RAW up: %w", err)
			}
			return act(pid)
		})
	}
}

func setPriority(pid, nice int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, nice); err != nil {
		return err
	}
	return hasPriority(pid, nice)
}

// hasPriority fails unless the process has the nice value.
func hasPriority(pid, nice int) error {
	// The system call itself returns 20 minus it: getpriority(2).
	got, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
	if err == nil && 20-got != nice {
		return fmt.Errorf("the nice value is %d", 20-got)
	}
	return err
}

func adjustScore(score string) error {
	const path = "/proc/self/oom_score_adj"
	if err := os.WriteFile(path, []byte(score), 0); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(text)) != score {
		return fmt.Errorf("the score is %q", text)
	}
	return err
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
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err == nil && path != "/ops" {
		return fmt.Errorf("it runs %q", path)
	}
	return err
}

// readEnviron opens a file of mode 0400 and another owner, and then asks to look
// into its memory: a DAC capability first, CAP_SYS_PTRACE or CAP_SYS_ADMIN then.
func readEnviron(pid int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err == nil && !strings.Contains(string(text), "PATH=") {
		return fmt.Errorf("the environment is %q", text)
	}
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
	defer file.Close()
	// The same program is at the same address: it is linked statically.
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	var address int64
	if _, err := fmt.Sscanf(string(text), "%x-", &address); err != nil {
		return fmt.Errorf("finding the program in memory: %w", err)
	}
	start := make([]byte, 4)
	if _, err := file.ReadAt(start, address); err != nil {
		return err
	}
	if string(start) != "\x7fELF" {
		return fmt.Errorf("the program starts with %q", start)
	}
	return nil
}

// readMapFiles follows the link to what is mapped at an address of its own.
func readMapFiles([]string) error {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	var from, to int64
	if _, err := fmt.Sscanf(string(text), "%x-%x", &from, &to); err != nil {
		return fmt.Errorf("finding the program in memory: %w", err)
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/self/map_files/%x-%x", from, to))
	if err == nil && path != "/ops" {
		return fmt.Errorf("mapped is %q", path)
	}
	return err
}

// queueOverLimit makes a message queue for more messages than fs.mqueue.msg_max
// lets an ordinary user have: CAP_SYS_RESOURCE, or EINVAL (mq_overview(7)).
func queueOverLimit([]string) error {
	name := [6]byte{'t', 'r', 'u', 't', 'h'}
	attributes := [8]int64{1: 1000, 2: 64} // struct mq_attr: mq_maxmsg, mq_msgsize
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, pointer(&name), unix.O_CREAT|unix.O_RDWR, 0o600, pointer(&attributes), 0, 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
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
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(pid), files, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if order == 0 {
		return errors.New("two processes have one table of files")
	}
	return nil
}

func affinity(pid int) error {
	var mask unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &mask); err != nil {
		return err
	}
	// One processor less, where there is more than one.
	for cpu := 0; mask.Count() > 1; cpu++ {
		if mask.IsSet(cpu) {
			mask.Clear(cpu)
			break
		}
	}
	if err := unix.SchedSetaffinity(pid, &mask); err != nil {
		return err
	}
	var now unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &now); err != nil {
		return err
	}
	if now != mask {
		return fmt.Errorf("it may run on %d processors", now.Count())
	}
	return nil
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
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{
			Size: unix.SizeofSchedAttr, Policy: unix.SCHED_DEADLINE,
			Runtime: 1_000_000, Deadline: 100_000_000, Period: 100_000_000,
		}, 0); err != nil {
			return err
		}
		now, err := unix.SchedGetAttr(0, 0)
		if err == nil && now.Policy != unix.SCHED_DEADLINE {
			return fmt.Errorf("the policy is %d", now.Policy)
		}
		return err
	})
}

// ioPriority asks for the real-time class: ioprio_set(2).
func ioPriority([]string) error {
	return onThread(func() error {
		const process, realtime = 1, 1 << 13
		if _, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_SET, process, 0, realtime|4); errno != 0 {
			return errno
		}
		if now, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_GET, process, 0, 0); errno != 0 || now != realtime|4 {
			return fmt.Errorf("the priority is %#x: %w", now, errno)
		}
		return nil
	})
}

func limits(pid int) error {
	var old unix.Rlimit
	return unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &old)
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
	raised := unix.Rlimit{Cur: 1, Max: 1}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &raised); err != nil {
		return err
	}
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return err
	}
	if limit != raised {
		return fmt.Errorf("the limit is %+v", limit)
	}
	return nil
}
