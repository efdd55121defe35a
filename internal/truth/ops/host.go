package main

import (
	"errors"
	"fmt"
	"os"
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
	"hang-up":          hangUp,
	"reboot-bad-magic": rebootBadMagic,
	"load-module":      loadModule,
	"io-ports":         ioPorts,
	"console-level":    consoleLevel,
	"read-log":         readLog,
	"open-kmsg":        openKmsg,
	"wake-alarm":       wakeAlarm,
	"block-suspend":    blockSuspend,
	"perf-cpu":         perfCPU,
	"bpf-map":          bpfMap,
	"io-uring":         ioUring,
	"keyring":          keyring,
	"kexec":            kexec,
	"user-faults":      userFaults,
	"terminal-inject":  terminalInject,
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

// hangUp hangs up the terminal that it has none of.
func hangUp([]string) error { return plain(unix.RawSyscall(unix.SYS_VHANGUP, 0, 0, 0)) }

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

// ioPorts asks for access to ports: ioperm(2), where the kernel has it.
func ioPorts([]string) error {
	_, _, errno := unix.RawSyscall(unix.SYS_IOPERM, 0x80, 1, 0)
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
	_, err := unix.Klogctl(readAll, make([]byte, 4096))
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
	return unix.Close(fd)
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

// perfCPU counts what a processor does, whoever runs on it.
func perfCPU([]string) error {
	attribute := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK}
	attribute.Size = uint32(unsafe.Sizeof(attribute))
	fd, err := unix.PerfEventOpen(&attribute, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// bpfMap makes a map of BPF: bpf(2).
func bpfMap([]string) error {
	attribute := struct{ kind, keySize, valueSize, entries, flags uint32 }{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, pointer(&attribute), unsafe.Sizeof(attribute))
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
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

// terminalInject types into a terminal that isn't its own: TIOCSTI.
func terminalInject([]string) error {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer terminal.Close()
	letter := [1]byte{'x'}
	return plain(unix.Syscall(unix.SYS_IOCTL, terminal.Fd(), unix.TIOCSTI, pointer(&letter)))
}
