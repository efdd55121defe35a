package mapper

import (
	"fmt"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Obstacle is what a failure ran into, where an option of docker run takes just
// that away.
type Obstacle string

// The obstacles.
const (
	// NoDevice: the container has no such device, or may not use it (--device).
	NoDevice Obstacle = "device"
	// NoDeviceRule: the workload made the device node itself and may not use it
	// (--device-cgroup-rule).
	NoDeviceRule Obstacle = "device rule"
	// ReadOnlySys: the engine mounts /sys, and the control groups in it, read-only.
	ReadOnlySys Obstacle = "read-only /sys"
	// SystemPath: the engine masks a path of /proc or /sys, or mounts it read-only.
	SystemPath Obstacle = "system path"
	// SeccompProfile: the engine's profile refuses the call whatever the
	// capabilities.
	SeccompProfile Obstacle = "seccomp profile"
	// SecurityModule: nothing else is known to refuse, and the container is confined
	// by AppArmor or SELinux.
	SecurityModule Obstacle = "security module"
)

// nodes are the device nodes that a workload made, by path, as device rules name
// them: "c 10:229".
type nodes map[string]string

// madeNodes finds the device nodes in what mknod(2) was asked for.
func madeNodes(ops []observation.Operation) nodes {
	made := nodes{}
	for _, op := range ops {
		first := 1 // the mode, behind the path
		switch {
		case op.Failed() || op.Object.Path == "":
			continue
		case op.Syscall == "mknodat":
			first = 2
		case op.Syscall != "mknod":
			continue
		}
		kind := ""
		switch op.Args[first] & unix.S_IFMT {
		case unix.S_IFCHR:
			kind = "c"
		case unix.S_IFBLK:
			kind = "b"
		default:
			continue
		}
		// include/linux/kdev_t.h:new_decode_dev
		dev := op.Args[first+1]
		major, minor := dev>>8&0xfff, dev&0xff|dev>>12&0xfff00
		made[op.Object.Path] = fmt.Sprintf("%s %d:%d", kind, major, minor)
	}
	return made
}

// obstacle finds what a failure ran into, "" when that is nothing that an option
// takes away.
func (e *explanation) obstacle() Obstacle {
	file := e.op.Object.Path
	refused := e.op.Errno == syscall.EPERM || e.op.Errno == syscall.EACCES
	switch {
	case e.op.Errno == syscall.EROFS && within(file, "/sys"):
		return ReadOnlySys
	case e.op.Errno == syscall.EROFS && within(file, "/proc"):
		return SystemPath
	case e.op.Errno == syscall.EROFS:
		return ""
	case refused && openCalls[e.op.Syscall] && e.made[file] != "":
		return NoDeviceRule
	case refused && openCalls[e.op.Syscall] && isDevice(e.op), e.missesDevice():
		return NoDevice
	case refused && len(e.env.SecurityModules) > 0:
		return SecurityModule
	}
	return ""
}

// missesDevice reports whether the operation looked for a device that the machine
// has and the container has not.
func (e *explanation) missesDevice() bool {
	return e.op.Errno == syscall.ENOENT && e.op.Object.Path != "" && e.env.HasDevice != nil && e.env.HasDevice(path.Clean(e.op.Object.Path))
}
