package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryOperations lock and place memory.
var memoryOperations = map[string]operation{
	"lock-limit-zero":  func([]string) error { return lockMemory(0, 4096) },
	"lock-over-limit":  func([]string) error { return lockMemory(64<<10, 256<<10) },
	"lock-under-limit": func([]string) error { return lockMemory(64<<10, 4096) },
	"map-locked":       mapLocked,
	"map-low":          mapLow,
	"map-much":         mapMuch,
	"huge-pages":       hugePages,
}

func limitLocked(bytes uint64) error {
	return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: bytes, Max: bytes})
}

func lockMemory(limit uint64, size int) error {
	if err := limitLocked(limit); err != nil {
		return err
	}
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if err := unix.Mlock(memory); err != nil {
		return err
	}
	return areLocked(memory)
}

// areLocked fails unless the memory, and nothing else of the process, is locked. It
// goes in the end, so that another operation may ask the same.
func areLocked(memory []byte) error {
	text, err := statusField("VmLck")
	if want := fmt.Sprintf("%d kB", len(memory)>>10); err == nil && text != want {
		return fmt.Errorf("locked are %s, not %s", text, want)
	}
	return errors.Join(err, unix.Munmap(memory))
}

// mapLocked fails with EAGAIN, not EPERM, where the limit is passed.
func mapLocked([]string) error {
	if err := limitLocked(64 << 10); err != nil {
		return err
	}
	const size = 256 << 10
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_LOCKED)
	if err != nil {
		return err
	}
	return areLocked(memory)
}

// mapLow maps a page below vm.mmap_min_addr: CAP_SYS_RAWIO (cap_mmap_addr).
func mapLow([]string) error {
	// The lowest page, because vm.mmap_min_addr may be as small as the second.
	const address = 0
	got, _, errno := unix.Syscall6(unix.SYS_MMAP, address, 4096, unix.PROT_READ,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uintptr(0), 0)
	if errno != 0 {
		return errno
	}
	if got != address {
		return fmt.Errorf("mapped at %#x", got)
	}
	return nil
}

// mapMuch maps and uses memory, each time of which the kernel asks for
// CAP_SYS_ADMIN to know whether the last reserve may be had, and goes on.
func mapMuch([]string) error {
	for range 200 {
		memory, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return err
		}
		memory[0] = 1
		if err := unix.Munmap(memory); err != nil {
			return err
		}
	}
	return child("/proc/self/exe", "give-up").Run()
}

// hugePages makes a file of huge pages, whose group check nobody minds.
func hugePages([]string) error {
	fd, err := unix.MemfdCreate("huge", unix.MFD_HUGETLB|unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	return os.NewFile(uintptr(fd), "huge").Close()
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
