package mapper

import (
	"fmt"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Obstacle is what a failure ran into, where an option of docker run takes just
// that away; the zero value is none. It is comparable.
type Obstacle struct {
	Kind ObstacleKind
	// Path is the device, or the file that is masked or read-only, cleaned.
	Path string
	// Rule is the device as device rules name it: "c 10:229".
	Rule string
	// Sysctl is the name of a sysctl of the container's own namespaces.
	Sysctl string
	// Call is what the seccomp profile refuses.
	Call string
	// Module is the security module that refuses. Certain says that it does: it has said
	// so itself.
	Module  string
	Certain bool
}

// ObstacleKind says of which kind an obstacle is.
type ObstacleKind string

// The kinds of obstacles.
const (
	// NoDevice: the container has no such device, or may not use it (--device).
	NoDevice ObstacleKind = "device"
	// NoDeviceRule: the workload made the device node itself and may not use it
	// (--device-cgroup-rule).
	NoDeviceRule ObstacleKind = "device rule"
	// ReadOnlySys: the engine mounts /sys, and the control groups in it, read-only.
	ReadOnlySys ObstacleKind = "read-only /sys"
	// NamespacedSysctl: the engine mounts /proc/sys read-only, and the sysctl is the
	// container's own, so that the engine can set it (--sysctl).
	NamespacedSysctl ObstacleKind = "namespaced sysctl"
	// SystemPath: the engine masks a path of /proc or /sys, or mounts it read-only.
	SystemPath ObstacleKind = "system path"
	// SeccompProfile: the engine's profile refuses the call whatever the
	// capabilities.
	SeccompProfile ObstacleKind = "seccomp profile"
	// SecurityModule: AppArmor or SELinux, which confines the container, refuses it; or
	// nothing else is known to, and it may.
	SecurityModule ObstacleKind = "security module"
)

// nodes are the device nodes that a workload made, by path, as device rules name
// them: "c 10:229".
type nodes map[string]string

// madeNodes finds the device nodes in what mknod(2) was asked for.
func madeNodes(ops []observation.Operation) nodes {
	made := nodes{}
	for _, op := range ops {
		if device := deviceOf(op); device != "" && !op.Failed() && op.Object.Path != "" {
			made[op.Object.Path] = device
		}
	}
	return made
}

// deviceOf is the device for which a call is to make a node, as device rules name it;
// "" for none.
func deviceOf(op observation.Operation) string {
	mode := 1 // behind the path
	switch op.Syscall {
	case "mknod":
	case "mknodat":
		mode = 2
	default:
		return ""
	}
	kind := ""
	switch op.Args[mode] & unix.S_IFMT {
	case unix.S_IFCHR:
		kind = "c"
	case unix.S_IFBLK:
		kind = "b"
	default:
		return ""
	}
	// include/linux/kdev_t.h:new_decode_dev
	dev := op.Args[mode+1]
	major, minor := dev>>8&0xfff, dev&0xff|dev>>12&0xfff00
	return fmt.Sprintf("%s %d:%d", kind, major, minor)
}

// obstacle finds what a failure ran into, the zero value when that is nothing that an
// option takes away.
func (e *explanation) obstacle() Obstacle {
	file := path.Clean(e.op.Object.Path)
	refused := e.op.Errno == syscall.EPERM || e.op.Errno == syscall.EACCES
	switch {
	case e.op.Errno == syscall.EROFS && within(file, "/sys"):
		return Obstacle{Kind: ReadOnlySys, Path: file}
	case e.op.Errno == syscall.EROFS && within(file, "/proc"):
		if name, ok := sysctlOf(file); ok && e.env.namespaced(name) {
			return Obstacle{Kind: NamespacedSysctl, Path: file, Sysctl: name}
		}
		return Obstacle{Kind: SystemPath, Path: file}
	case e.op.Errno == syscall.EROFS:
	case refused && openCalls[e.op.Syscall] && e.made[e.op.Object.Path] != "":
		return Obstacle{Kind: NoDeviceRule, Path: file, Rule: e.made[e.op.Object.Path]}
	case refused && openCalls[e.op.Syscall] && isDevice(e.op), e.missesDevice():
		return Obstacle{Kind: NoDevice, Path: file}
	}
	if m, ok := e.mayBeModule(); ok {
		return Obstacle{Kind: SecurityModule, Module: m.Name}
	}
	return Obstacle{}
}

// missesDevice reports whether the operation looked for a device that the machine
// has and the container has not.
func (e *explanation) missesDevice() bool {
	return e.op.Errno == syscall.ENOENT && e.op.Object.Path != "" && e.env.HasDevice != nil && e.env.HasDevice(path.Clean(e.op.Object.Path))
}
