package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hostOperations act on what all containers share. Each leaves it as it was:
// it sets what is set already, or is let through to where its arguments fail.
var hostOperations = map[string]operation{
	"clock-tick":       clockTick,
	"time-zone":        timeZone,
	"accounting-off":   accountingOff,
	"accounting":       accounting,
	"reboot-bad-magic": rebootBadMagic,
	"load-module":      loadModule,
	"io-ports":         ioPorts,
	"io-level":         ioLevel,
	"console-level":    consoleLevel,
	"read-log":         readLog,
	"open-kmsg":        openKmsg,
	"wake-alarm":       wakeAlarm,
	"block-suspend":    blockSuspend,
	"perf-cpu":         func([]string) error { return count(-1, 0) },
	"perf-own":         func([]string) error { return count(0, -1) },
	"bpf-map":          bpfMap,
	"bpf-filter":       func([]string) error { return bpfProgram(bpfSocketFilter) },
	"bpf-classifier":   func([]string) error { return bpfProgram(bpfClassifier) },
	"bpf-tracepoint":   func([]string) error { return bpfProgram(bpfTracepoint) },
	"io-uring":         ioUring,
	"keyring":          keyring,
	"keyring-other":    keyringOther,
	"kexec":            kexec,
	"user-faults":      userFaults,
}

func clockTick([]string) error {
	now := unix.Timex{}
	if _, err := unix.Adjtimex(&now); err != nil {
		return err
	}
	const tick = 0x4000 // ADJ_TICK, linux/timex.h
	_, err := unix.Adjtimex(&unix.Timex{Modes: tick, Tick: now.Tick})
	return err
}

func timeZone([]string) error {
	var zone [2]int32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETTIMEOFDAY, 0, pointer(&zone), 0); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETTIMEOFDAY, 0, pointer(&zone), 0); errno != 0 {
		return errno
	}
	return nil
}

// accountingOff turns off what was not on, in the process namespace.
func accountingOff([]string) error { return plain(unix.RawSyscall(unix.SYS_ACCT, 0, 0, 0)) }

// accounting has the end of a child recorded: acct(2), in the process namespace.
func accounting([]string) (err error) {
	const path = "/tmp/accounting"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	if err := unix.Acct(path); err != nil {
		return err
	}
	err = errors.Join(child("/proc/self/exe", "give-up").Run(), accountingOff(nil))
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() == 0 {
		return errors.New("nothing was recorded")
	}
	return err
}

// plain is the error of a raw call.
func plain(_, _ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// rebootBadMagic is let through to the check of the magic numbers.
func rebootBadMagic([]string) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_REBOOT, 0, 0, 0, 0, 0, 0)
	return refusal(errno)
}

// loadModule is let through to the reading of what is no module, or to a kernel
// that has none.
func loadModule([]string) error {
	image := [4]byte{'n', 'o', 'n', 'e'}
	parameters := [1]byte{}
	_, _, errno := unix.RawSyscall(unix.SYS_INIT_MODULE, pointer(&image), 4, pointer(&parameters))
	return refusal(errno)
}

// ioLevel asks for all ports at once: iopl(2).
func ioLevel([]string) error {
	if ioplCall == 0 {
		return errors.New("this processor has no ports")
	}
	_, _, errno := unix.RawSyscall(ioplCall, 3, 0, 0)
	return refusal(errno)
}

// ioPorts asks for access to ports: ioperm(2), where the kernel has it.
func ioPorts([]string) error {
	if iopermCall == 0 {
		return errors.New("this processor has no ports")
	}
	_, _, errno := unix.RawSyscall(iopermCall, 0x80, 1, 0)
	return refusal(errno)
}

// consoleLevel sets the level of the console to what it is: syslog(2).
func consoleLevel([]string) error {
	text, err := os.ReadFile("/proc/sys/kernel/printk")
	if err != nil {
		return err
	}
	level, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		return err
	}
	const setLevel = 8 // SYSLOG_ACTION_CONSOLE_LEVEL
	return plain(unix.RawSyscall(unix.SYS_SYSLOG, setLevel, 0, uintptr(level)))
}

// readLog reads the kernel log.
func readLog([]string) error {
	const readAll = 3 // SYSLOG_ACTION_READ_ALL
	n, err := unix.Klogctl(readAll, make([]byte, 4096))
	if err == nil && n == 0 {
		return errors.New("the log is empty")
	}
	return err
}

// openKmsg opens the kernel log's device, which the engine was told to add.
func openKmsg([]string) error {
	file, err := os.Open("/dev/kmsg")
	if err != nil {
		return err
	}
	return file.Close()
}

// wakeAlarm makes a timer that would wake the machine.
func wakeAlarm([]string) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME_ALARM, unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err == nil && !strings.Contains(string(info), fmt.Sprintf("clockid: %d\n", unix.CLOCK_BOOTTIME_ALARM)) {
		return fmt.Errorf("it is another timer: %s", info)
	}
	return err
}

// blockSuspend asks that events keep the machine awake: the flag is dropped in
// silence where it may not, and where the kernel cannot suspend (epoll_ctl(2)).
func blockSuspend([]string) error {
	queue, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(queue)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLWAKEUP, Fd: int32(pipe[0])}
	if err := unix.EpollCtl(queue, unix.EPOLL_CTL_ADD, pipe[0], &event); err != nil {
		return err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", queue))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), "events:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return errors.New("no events are shown")
	}
	mask, err := strconv.ParseUint(fields[0], 16, 32)
	if err == nil && mask&unix.EPOLLWAKEUP == 0 {
		return fmt.Errorf("the flag was dropped: events %x", mask)
	}
	return err
}

// count counts the time that a process takes, or that a processor is used by
// whoever runs on it: perf_event_open(2).
func count(pid, cpu int) error {
	attribute := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK}
	attribute.Size = uint32(unsafe.Sizeof(attribute))
	if pid == 0 {
		attribute.Bits = unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv
	}
	fd, err := unix.PerfEventOpen(&attribute, pid, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	counter := make([]byte, 8)
	n, err := unix.Read(fd, counter)
	if err == nil && n != len(counter) {
		return fmt.Errorf("the counter has %d bytes", n)
	}
	return err
}

// Program types of linux/bpf.h.
const (
	bpfSocketFilter = 1
	bpfClassifier   = 3
	bpfTracepoint   = 5
)

// bpfProgram loads a program that returns 0, and does not attach it.
func bpfProgram(kind uint32) error {
	code := [2]uint64{0xb7, 0x95} // r0 = 0; exit
	license := [4]byte{'G', 'P', 'L'}
	attribute := struct {
		kind, count      uint32
		code, license    uint64
		level, size      uint32
		log              uint64
		version, _, _, _ uint32
	}{kind: kind, count: uint32(len(code)), code: uint64(pointer(&code)), license: uint64(pointer(&license))}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, pointer(&attribute), unsafe.Sizeof(attribute))
	runtime.KeepAlive(&code)
	runtime.KeepAlive(&license)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

// bpfMap makes a map of BPF: bpf(2).
func bpfMap([]string) error {
	attribute := struct{ kind, keySize, valueSize, entries, flags uint32 }{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, pointer(&attribute), unsafe.Sizeof(attribute))
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	// Such a descriptor says what it is.
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err == nil && !strings.Contains(string(info), "max_entries:\t1\n") {
		return fmt.Errorf("it is no such map: %s", info)
	}
	return err
}

// ioUring sets up a ring and nothing else.
func ioUring([]string) error {
	var parameters [120]byte
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, pointer(&parameters), 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

// keyring asks for the keyring of its own session, which Docker's profile has for
// nobody.
func keyring([]string) error {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_PROCESS_KEYRING, true)
	return err
}

// keyringOther asks for the keyring that another user keeps between sessions.
func keyringOther([]string) error {
	id, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, other, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0)
	if err == nil && id == 0 {
		return errors.New("no keyring came")
	}
	return err
}

// kexec asks to load a kernel of no segments.
func kexec([]string) error {
	_, _, errno := unix.Syscall6(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0, 0, 0)
	return refusal(errno)
}

// userFaults asks to handle faults of the kernel's, not only of its own code.
func userFaults([]string) error {
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}
