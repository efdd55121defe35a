package main

import (
	"golang.org/x/sys/unix"
)

// systemOperations act on the machine as a whole, or on what of it a container
// is shown.
var systemOperations = map[string]operation{
	"nice":     nice,
	"hostname": hostname,
	"syslog":   syslog,
	"settime":  settime,
}

// nice raises its own priority: CAP_SYS_NICE.
func nice([]string, streams) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -1) }

// hostname sets the host name of the container: CAP_SYS_ADMIN, which Docker's
// seccomp profile asks for before the kernel does.
func hostname([]string, streams) error { return unix.Sethostname([]byte("privop")) }

// syslog reads the kernel log's size: CAP_SYSLOG, or CAP_SYS_ADMIN, in seccomp's
// profile and in the kernel.
func syslog([]string, streams) error {
	const sizeBuffer = 10 // SYSLOG_ACTION_SIZE_BUFFER, syslog(2)
	_, err := unix.Klogctl(sizeBuffer, nil)
	return err
}

// settime sets the clock, to the time that it shows: CAP_SYS_TIME.
func settime([]string, streams) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return err
	}
	return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
}
