package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// systemOperations act on the machine as a whole, or on what of it a container
// is shown.
var systemOperations = map[string]operation{
	"nice":     nice,
	"hostname": hostname,
	"syslog":   syslog,
	"settime":  settime,
	"keyring":  keyring,
}

// nice raises its own priority: CAP_SYS_NICE.
func nice([]string, streams) error {
	// The nice value is a thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, -1); err != nil {
		return err
	}
	got, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err == nil && got != 21 { // 20 minus the nice value: getpriority(2)
		return fmt.Errorf("the nice value is %d", 20-got)
	}
	return err
}

// hostname sets the host name of the container: CAP_SYS_ADMIN, which Docker's
// seccomp profile asks for before the kernel does.
func hostname([]string, streams) error {
	if err := unix.Sethostname([]byte("privop")); err != nil {
		return err
	}
	name, err := os.Hostname()
	if err == nil && name != "privop" {
		return fmt.Errorf("the name is %q", name)
	}
	return err
}

// syslog reads the kernel log's size: CAP_SYSLOG, or CAP_SYS_ADMIN, in seccomp's
// profile and in the kernel.
func syslog([]string, streams) error {
	const sizeBuffer = 10 // SYSLOG_ACTION_SIZE_BUFFER, syslog(2)
	size, err := unix.Klogctl(sizeBuffer, nil)
	if err == nil && size <= 0 {
		return fmt.Errorf("the size is %d", size)
	}
	return err
}

// keyring asks for its session keyring, which Docker's seccomp profile refuses
// whatever the capabilities.
func keyring([]string, streams) error {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
	return err
}

// settime sets the clock, to the time that it shows: CAP_SYS_TIME. That it was
// set shows on a timer that is cancelled by it (timerfd_create(2)).
func settime([]string, streams) error {
	timer, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(timer)
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	later := unix.ItimerSpec{Value: unix.Timespec{Sec: now.Sec + 3600}}
	if err := unix.TimerfdSettime(timer, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &later, nil); err != nil {
		return err
	}
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	if _, err := unix.Read(timer, make([]byte, 8)); !errors.Is(err, unix.ECANCELED) {
		return errors.New("the clock was not set")
	}
	return nil
}
