package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ipcOperations act on System V objects. Mode 0 shuts out the owner too, so no
// second user is needed (ipcperms, sysvipc(7)).
var ipcOperations = map[string]operation{
	"attach-shared-memory": attachSharedMemory,
	"send-message":         sendMessage,
	"use-semaphore":        useSemaphore,
	"stat-shared-memory":   statSharedMemory,
	"lock-shared-memory":   lockSharedMemory,
	"remove-own-queue":     removeOwnQueue,
	"remove-other-queue":   removeOtherQueue,
	"lock-other-memory":    lockOtherMemory,
	"make-queue":           makeQueue,
	"make-memory":          makeMemory,
}

// Values of linux/ipc.h and linux/shm.h.
const (
	ipcPrivate = 0
	ipcCreate  = 0o1000
	ipcRemove  = 0
	ipcStat    = 2
	shmLock    = 11
)

func attachSharedMemory([]string) error {
	id, err := unix.SysvShmGet(ipcPrivate, 4096, ipcCreate)
	if err != nil {
		return err
	}
	attached, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		return err
	}
	attached[0] = 1
	return unix.SysvShmDetach(attached)
}

func statSharedMemory([]string) error {
	id, err := unix.SysvShmGet(ipcPrivate, 4096, ipcCreate)
	if err != nil {
		return err
	}
	var description unix.SysvShmDesc
	_, err = unix.SysvShmCtl(id, ipcStat, &description)
	if err == nil && description.Segsz != 4096 {
		return fmt.Errorf("the size is %d", description.Segsz)
	}
	return err
}

func sendMessage([]string) error {
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcPrivate, ipcCreate, 0)
	if errno != 0 {
		return errno
	}
	message := struct {
		kind int64
		text [8]byte
	}{kind: 1, text: [8]byte{'h', 'e', 'l', 'l', 'o'}}
	if _, _, errno := unix.Syscall6(unix.SYS_MSGSND, id, pointer(&message), 8, 0, 0, 0); errno != 0 {
		return errno
	}
	message.text = [8]byte{}
	n, _, errno := unix.Syscall6(unix.SYS_MSGRCV, id, pointer(&message), 8, 0, 0, 0)
	if errno != 0 || n != 8 || string(message.text[:5]) != "hello" {
		return fmt.Errorf("what came is %q: %w", message.text[:n], errno)
	}
	return nil
}

func useSemaphore([]string) error {
	id, _, errno := unix.Syscall(unix.SYS_SEMGET, ipcPrivate, 1, ipcCreate)
	if errno != 0 {
		return errno
	}
	step := struct {
		number uint16
		by     int16
		flags  int16
	}{by: 1}
	if _, _, errno := unix.Syscall(unix.SYS_SEMOP, id, pointer(&step), 1); errno != 0 {
		return errno
	}
	const value = 12 // GETVAL, linux/sem.h
	if n, _, errno := unix.Syscall(unix.SYS_SEMCTL, id, 0, value); errno != 0 || n != 1 {
		return fmt.Errorf("the value is %d: %w", n, errno)
	}
	return nil
}

// lockSharedMemory keeps a segment in memory, with a limit of 0 on that.
func lockSharedMemory([]string) error {
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		return err
	}
	id, err := unix.SysvShmGet(ipcPrivate, 4096, ipcCreate|0o600)
	if err != nil {
		return err
	}
	return lockSegment(id)
}

// lockSegment keeps a segment in memory and asks whether it is.
func lockSegment(id int) error {
	if _, err := unix.SysvShmCtl(id, shmLock, nil); err != nil {
		return err
	}
	const locked = 0o2000 // SHM_LOCKED, linux/shm.h
	var description unix.SysvShmDesc
	_, err := unix.SysvShmCtl(id, ipcStat, &description)
	if err == nil && description.Perm.Mode&locked == 0 {
		return fmt.Errorf("the mode is %o", description.Perm.Mode)
	}
	return err
}

// makeQueue and makeMemory make an object that everybody may read, and say which.
func makeQueue([]string) error {
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcPrivate, ipcCreate|0o666, 0)
	if errno != 0 {
		return errno
	}
	_, err := fmt.Println(id)
	return err
}

func makeMemory([]string) error {
	id, err := unix.SysvShmGet(ipcPrivate, 4096, ipcCreate|0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Println(id)
	return err
}

// madeByOther has another user make an object: CAP_SETUID.
func madeByOther(operation string) (id int, err error) {
	cmd := child("/ops", operation)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, NoSetGroups: true}}
	text, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("having another user make it: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// lockOtherMemory keeps another user's segment in memory.
func lockOtherMemory([]string) error {
	id, err := madeByOther("make-memory")
	if err != nil {
		return err
	}
	return lockSegment(id)
}

// removeOtherQueue removes another user's queue: CAP_SYS_ADMIN, not CAP_IPC_OWNER
// (ipcctl_obtain_check).
func removeOtherQueue([]string) error {
	id, err := madeByOther("make-queue")
	if err != nil {
		return err
	}
	return removeQueue(uintptr(id))
}

// removeQueue removes a queue and looks for it.
func removeQueue(id uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_MSGCTL, id, ipcRemove, 0); errno != 0 {
		return errno
	}
	var description [256]byte
	if _, _, errno := unix.Syscall(unix.SYS_MSGCTL, id, ipcStat, pointer(&description)); errno != unix.EINVAL && errno != unix.EIDRM {
		return fmt.Errorf("the queue is still there: %w", errno)
	}
	return nil
}

// removeOwnQueue makes and removes a queue of its own, which anybody may.
func removeOwnQueue([]string) error {
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcPrivate, ipcCreate, 0)
	if errno != 0 {
		return errno
	}
	return removeQueue(id)
}
