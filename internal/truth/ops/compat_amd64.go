package main

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// compatOperations make the 32-bit calls of x86-64, which have numbers of their
// own: 208 is setresuid32 there, io_getevents in the 64-bit table. A tracer that
// takes the number at face value names another call.
var compatOperations = map[string]operation{
	"setuid-32bit":   setuid32,
	"nice-32bit":     nice32,
	"unshare-32bit":  unshare32,
	"harmless-32bit": harmless32,
	"bind-80-32bit":  bind32,
}

// iopl(2) and ioperm(2), which processors with ports have.
const (
	ioplCall   = unix.SYS_IOPL
	iopermCall = unix.SYS_IOPERM
)

// Numbers of arch/x86/entry/syscalls/syscall_32.tbl.
const (
	getpid32      = 20
	setpriority32 = 97
	socketCall32  = 102
	setresuid32   = 208
	unshareCall32 = 310
)

// syscall32 enters the kernel by int 0x80.
//
//go:noescape
func syscall32(number, a, b, c uint32) int32

func call32(number, a, b, c uint32) error {
	if result := syscall32(number, a, b, c); result < 0 {
		return unix.Errno(-result)
	}
	return nil
}

func setuid32([]string) error {
	return onThread(func() error {
		if err := call32(setresuid32, other, other, other); err != nil {
			return err
		}
		now, _, _ := unix.RawSyscall(unix.SYS_GETEUID, 0, 0, 0)
		if now != other {
			return fmt.Errorf("the user is %d", now)
		}
		return nil
	})
}

func nice32([]string) error {
	minusOne := ^uint32(0)
	return onThread(func() error {
		if err := call32(setpriority32, unix.PRIO_PROCESS, 0, minusOne); err != nil {
			return err
		}
		return hasPriority(0, -1)
	})
}

func unshare32([]string) error {
	return leaves("uts", func() error { return call32(unshareCall32, unix.CLONE_NEWUTS, 0, 0) })
}

// bind32 gives a socket the port 80 by socketcall(2), whose arguments are in memory
// that 32 bits must reach.
func bind32([]string) error {
	memory, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_32BIT)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(memory) }()
	at := uint32(uintptr(unsafe.Pointer(&memory[0])))
	call := func(number uint32, args ...uint32) int32 {
		for i, arg := range args {
			binary.NativeEndian.PutUint32(memory[4*i:], arg)
		}
		return syscall32(socketCall32, number, at, 0)
	}
	fd := call(1, unix.AF_INET, unix.SOCK_STREAM, 0) // SYS_SOCKET
	if fd < 0 {
		return unix.Errno(-fd)
	}
	defer unix.Close(int(fd))
	const address = 64
	copy(memory[address:], port80[:])
	if result := call(2, uint32(fd), at+address, 16); result < 0 { // SYS_BIND
		return unix.Errno(-result)
	}
	return nil
}

func harmless32([]string) error { return call32(getpid32, 0, 0, 0) }
