// Package callwords says in words what a system call was about.
package callwords

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Object says in a few words what an operation was about. What changes from run
// to run (process IDs) is left out, so that a profile does not.
func Object(op observation.Operation) string {
	o := op.Object
	path := Steady(o.Path)
	switch op.Syscall {
	case "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal":
		return signalled(o)
	case "mount", "move_mount":
		if o.Path == "" {
			return "on " + Steady(o.SecondPath) // a remount needs no source
		}
		return path + " on " + Steady(o.SecondPath)
	case "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat":
		return path + " to " + Steady(o.SecondPath)
	case "setuid", "setfsuid":
		return fmt.Sprintf("uid %d", int32(op.Args[0]))
	case "setgid", "setfsgid":
		return fmt.Sprintf("gid %d", int32(op.Args[0]))
	case "setreuid", "setresuid":
		return fmt.Sprintf("uid %d", identity(op.Args[:3]))
	case "setregid", "setresgid":
		return fmt.Sprintf("gid %d", identity(op.Args[:3]))
	case "setgroups":
		return fmt.Sprintf("%d groups", op.Args[0])
	case "socket", "socketpair":
		return socketWords(op.Args)
	case "unshare", "clone", "clone3", "setns":
		return namespaceWords(op)
	case "setpriority":
		return fmt.Sprintf("priority %d", int32(op.Args[2]))
	case "ioctl":
		return strings.TrimSpace(fmt.Sprintf("%s request %#x", path, op.Args[1]))
	case "prctl":
		if !o.Capabilities.Empty() {
			return o.Capabilities.String()
		}
		return fmt.Sprintf("option %d", op.Args[0])
	case "capset":
		return o.Capabilities.String()
	}
	if o.Address != "" {
		return steadyAddress(o)
	}
	if o.SecondPath != "" {
		return path + " " + Steady(o.SecondPath)
	}
	return path
}

var processDirectory = regexp.MustCompile(`^/proc/[0-9]+(/task/[0-9]+)?`)

// Steady replaces process IDs in paths, which differ from run to run.
func Steady(path string) string {
	return processDirectory.ReplaceAllString(path, "/proc/PID")
}

// steadyAddress replaces a port that the kernel chose (net.ipv4.ip_local_port_range),
// which is another one in each run.
func steadyAddress(o observation.Object) string {
	const lowest, highest = 32768, 60999
	colon := strings.LastIndexByte(o.Address, ':')
	if colon < 0 || o.Port < lowest || o.Port > highest {
		return o.Address
	}
	return o.Address[:colon] + ":PORT"
}

// identity is the first ID that a call with "leave it" arguments (-1) sets.
func identity(ids []uint64) int32 {
	for _, id := range ids {
		if int32(id) != -1 {
			return int32(id)
		}
	}
	return -1
}

var families = map[uint64]string{
	unix.AF_UNIX: "AF_UNIX", unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6", unix.AF_NETLINK: "AF_NETLINK",
	unix.AF_PACKET: "AF_PACKET", unix.AF_ALG: "AF_ALG", unix.AF_VSOCK: "AF_VSOCK", unix.AF_BLUETOOTH: "AF_BLUETOOTH",
}

var socketTypes = map[uint64]string{
	unix.SOCK_STREAM: "SOCK_STREAM", unix.SOCK_DGRAM: "SOCK_DGRAM", unix.SOCK_RAW: "SOCK_RAW",
	unix.SOCK_SEQPACKET: "SOCK_SEQPACKET", unix.SOCK_PACKET: "SOCK_PACKET",
}

func socketWords(args [6]uint64) string {
	name := func(names map[uint64]string, n uint64) string {
		if s, ok := names[n]; ok {
			return s
		}
		return fmt.Sprint(n)
	}
	const typeMask = 0xf // the rest is SOCK_CLOEXEC and SOCK_NONBLOCK
	return fmt.Sprintf("%s, %s, %d", name(families, args[0]), name(socketTypes, args[1]&typeMask), args[2])
}

var namespaceFlags = []struct {
	bit  uint64
	name string
}{
	{unix.CLONE_NEWNS, "mount"},
	{unix.CLONE_NEWCGROUP, "cgroup"},
	{unix.CLONE_NEWUTS, "UTS"},
	{unix.CLONE_NEWIPC, "IPC"},
	{unix.CLONE_NEWUSER, "user"},
	{unix.CLONE_NEWPID, "PID"},
	{unix.CLONE_NEWNET, "network"},
}

// namespaceWords names the namespaces of a call.
func namespaceWords(op observation.Operation) string {
	flags := op.Args[0]
	switch op.Syscall {
	case "setns":
		flags = op.Args[1]
	case "clone3":
		flags = op.Object.CloneFlags
	}
	var names []string
	for _, f := range namespaceFlags {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	switch {
	case len(names) > 0:
		return strings.Join(names, ", ") + " namespace"
	case op.Object.ChosenIDs > 0:
		return "chosen process ID"
	case op.Syscall == "setns":
		return Steady(op.Object.Path)
	}
	return ""
}

// signalled says who is sent which signal, as far as that is known.
func signalled(o observation.Object) string {
	target := ""
	if o.TargetExecutable != "" {
		target = path.Base(o.TargetExecutable) + ", "
	}
	switch name := unix.SignalName(o.Signal); {
	case o.Signal == 0:
		// It sends nothing: it asks whether the process is there.
		return cmp.Or(target, "pid, ") + "0"
	case name != "":
		return target + name
	}
	return fmt.Sprintf("%ssignal %d", target, int(o.Signal))
}
