package main

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ringOperations have the kernel open a file, or name a socket, by io_uring: the
// result is in a completion, not in what a system call returns.
var ringOperations = map[string]operation{
	"ring-bind":         func([]string) error { return ringBind() },
	"ring-open":         func([]string) error { return ringOpen(0) },
	"ring-open-threads": func([]string) error { return ringOpen(ringAsync) },
}

// Constants of linux/io_uring.h.
const (
	ringAsync       = 1 << 4 // IOSQE_ASYNC: by a worker thread of the kernel's
	ringOpenAt      = 18     // IORING_OP_OPENAT
	ringBindCall    = 56     // IORING_OP_BIND, Linux 6.11
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
	path, err := unix.BytePtrFromString(otherFile)
	if err != nil {
		return err
	}
	fd, err := ringDo(func(entry []byte) {
		order := binary.NativeEndian
		entry[0], entry[1] = ringOpenAt, flags
		currentDirectory := int32(unix.AT_FDCWD)
		order.PutUint32(entry[4:], uint32(currentDirectory))
		order.PutUint64(entry[16:], uint64(uintptr(unsafe.Pointer(path))))
		order.PutUint32(entry[28:], unix.O_RDONLY|unix.O_CLOEXEC)
	})
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// port80 is a struct sockaddr_in. It stays where it is, unlike what is on a stack.
var port80 = [16]byte{0: unix.AF_INET, 3: 80}

// ringBind gives a socket the port 80.
func ringBind() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = ringDo(func(entry []byte) {
		order := binary.NativeEndian
		entry[0] = ringBindCall
		order.PutUint32(entry[4:], uint32(fd))
		order.PutUint64(entry[8:], uint64(len(port80)))
		order.PutUint64(entry[16:], uint64(uintptr(unsafe.Pointer(&port80))))
	})
	return err
}

// ringDo has the kernel do one thing, which fill writes into an entry, and returns
// the result.
func ringDo(fill func(entry []byte)) (int, error) {
	var p ringParameters
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, pointer(&p), 0)
	if errno != 0 {
		return 0, fmt.Errorf("making the ring: %w", errno)
	}
	defer unix.Close(int(fd))
	const entrySize = 64 // sizeof(struct io_uring_sqe)
	size := max(int(p.submission.array)+4*int(p.submissions), int(p.completion.cqes)+16*int(p.completions))
	ring, err := unix.Mmap(int(fd), ringSubmissions, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return 0, fmt.Errorf("mapping the ring: %w", err)
	}
	defer func() { _ = unix.Munmap(ring) }()
	entries, err := unix.Mmap(int(fd), ringEntries, entrySize*int(p.submissions), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return 0, fmt.Errorf("mapping the entries: %w", err)
	}
	defer func() { _ = unix.Munmap(entries) }()

	fill(entries[:entrySize])
	// The one entry is number 0, which the ring's array holds already.
	field := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&ring[offset])) }
	atomic.AddUint32(field(p.submission.tail), 1)

	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, fd, 1, 1, ringWait, 0, 0); errno != 0 {
		return 0, fmt.Errorf("entering the ring: %w", errno)
	}
	if atomic.LoadUint32(field(p.completion.tail)) == 0 {
		return 0, fmt.Errorf("nothing was completed")
	}
	result := int32(binary.NativeEndian.Uint32(ring[p.completion.cqes+8:]))
	if result < 0 {
		return 0, unix.Errno(-result)
	}
	return int(result), nil
}
