package main

import (
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
	}{kind: 1}
	if _, _, errno := unix.Syscall6(unix.SYS_MSGSND, id, pointer(&message), 8, 0, 0, 0); errno != 0 {
		return errno
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
	_, err = unix.SysvShmCtl(id, shmLock, nil)
	return err
}

// removeOwnQueue makes and removes a queue of its own, which anybody may.
func removeOwnQueue([]string) error {
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcPrivate, ipcCreate, 0)
	if errno != 0 {
		return errno
	}
	if _, _, errno := unix.Syscall(unix.SYS_MSGCTL, id, ipcRemove, 0); errno != 0 {
		return errno
	}
	return nil
}
