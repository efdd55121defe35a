package main

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ringOperations have the kernel open a file by io_uring: the result is in a
// completion, not in what a system call returns.
var ringOperations = map[string]operation{
	"ring-open":         func([]string) error { return ringOpen(0) },
	"ring-open-threads": func([]string) error { return ringOpen(ringAsync) },
}

// Constants of linux/io_uring.h.
const (
	ringAsync       = 1 << 4 // IOSQE_ASYNC: by a worker thread of the kernel's
	ringOpenAt      = 18     // IORING_OP_OPENAT
	ringWait        = 1      // IORING_ENTER_GETEVENTS
	ringSubmissions = 0      // IORING_OFF_SQ_RING, which holds both rings
	ringEntries     = 0x10000000
)

// ringParameters is struct io_uring_params, less what is of no interest here.
type ringParameters struct {
	submissions, completions uint32
	_                        [8]uint32 // flags, threads, features, reserved
	submission               struct {
		_, tail, _, _, _, _, array, _ uint32 // struct io_sqring_offsets
		_                             uint64
	}
	completion struct {
		_, tail, _, _, _, cqes, _, _ uint32 // struct io_cqring_offsets
		_                            uint64
	}
}

// ringOpen opens another user's file.
func ringOpen(flags byte) error {
	var p ringParameters
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, pointer(&p), 0)
	if errno != 0 {
		return fmt.Errorf("making the ring: %w", errno)
	}
	defer unix.Close(int(fd))
	const entrySize = 64 // sizeof(struct io_uring_sqe)
	size := max(int(p.submission.array)+4*int(p.submissions), int(p.completion.cqes)+16*int(p.completions))
	ring, err := unix.Mmap(int(fd), ringSubmissions, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping the ring: %w", err)
	}
	defer func() { _ = unix.Munmap(ring) }()
	entries, err := unix.Mmap(int(fd), ringEntries, entrySize*int(p.submissions), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping the entries: %w", err)
	}
	defer func() { _ = unix.Munmap(entries) }()

	path, err := unix.BytePtrFromString(otherFile)
	if err != nil {
		return err
	}
	order := binary.NativeEndian
	entries[0], entries[1] = ringOpenAt, flags
	currentDirectory := int32(unix.AT_FDCWD)
	order.PutUint32(entries[4:], uint32(currentDirectory))
	order.PutUint64(entries[16:], uint64(uintptr(unsafe.Pointer(path))))
	order.PutUint32(entries[28:], unix.O_RDONLY|unix.O_CLOEXEC)
	// The one entry is number 0, which the ring's array holds already.
	field := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&ring[offset])) }
	atomic.AddUint32(field(p.submission.tail), 1)

	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, fd, 1, 1, ringWait, 0, 0); errno != 0 {
		return fmt.Errorf("entering the ring: %w", errno)
	}
	if atomic.LoadUint32(field(p.completion.tail)) == 0 {
		return fmt.Errorf("nothing was completed")
	}
	result := int32(order.Uint32(ring[p.completion.cqes+8:]))
	if result < 0 {
		return unix.Errno(-result)
	}
	return unix.Close(int(result))
}
