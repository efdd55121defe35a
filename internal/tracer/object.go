package tracer

import (
	"encoding/binary"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/syscalls"
)

// object says what a call was about.
func object(d capprofDetail, op observation.Operation) observation.Object {
	var o observation.Object
	kinds := syscalls.Arguments(op.Syscall)
	names := d.Names.path()
	given := text(d.Path[:])
	if slices.Contains(kinds[:], syscalls.FD) {
		// The open file, and a string such as an attribute's name.
		o.Path, o.SecondPath = names, given
	} else {
		o.Path, o.SecondPath = given, text(d.SecondPath[:])
		if names != "" && !path.IsAbs(given) && namesPath(op) {
			o.Path = path.Join(names, given)
		}
		if op.Syscall == "mount" && names != "" && o.SecondPath != "" && !path.IsAbs(o.SecondPath) {
			o.SecondPath = path.Join(names, o.SecondPath)
		}
	}
	blob := d.Blob[:d.BlobLen]
	switch op.Syscall {
	case "bind", "connect", "sendto", "sendmsg":
		readAddress(&o, blob)
	case "kill", "tkill", "rt_sigqueueinfo":
		o.Target, o.Signal = int(int32(d.Args[0])), syscall.Signal(d.Args[1])
	case "tgkill", "rt_tgsigqueueinfo":
		o.Target, o.Signal = int(int32(d.Args[0])), syscall.Signal(d.Args[2])
	case "pidfd_send_signal":
		o.Signal = syscall.Signal(d.Args[1])
	case "capset":
		o.Capabilities, o.Inheritable = capsetRequest(blob)
	case "setxattr", "lsetxattr", "fsetxattr":
		if size := d.Args[3]; o.SecondPath == fileCapabilityAttribute && size <= uint64(len(blob)) {
			// The kernel refused what it could not read.
			o.Capabilities, _ = capability.OfFile(blob[:size])
		}
	case "clone3":
		readCloneArguments(&o, blob, d.Args[1])
	case "prctl":
		o.Capabilities = prctlRequest(d.Args)
	}
	return o
}

// fileCapabilityAttribute is the name under which file capabilities are stored.
const fileCapabilityAttribute = "security.capability"

// otherStrings are the calls whose first string is no path from the directory that
// the call starts from: a name of the kernel's own, or what a symbolic link will hold.
var otherStrings = map[string]bool{
	"sethostname": true, "setdomainname": true, "fsopen": true, "memfd_create": true, "add_key": true, "request_key": true,
	"mq_open": true, "mq_unlink": true, "delete_module": true, "symlink": true, "symlinkat": true,
}

// namesPath reports whether the first string of a call is a path. The source of a
// mount is one for a bind mount or a move; elsewhere the file system says what it
// means: a device, "none", "server:/export" (mount(2)).
func namesPath(op observation.Operation) bool {
	if op.Syscall == "mount" {
		return op.Args[3]&(unix.MS_BIND|unix.MS_MOVE) != 0
	}
	return !otherStrings[op.Syscall]
}

// path joins the components that the kernel side collected, which are
// innermost first. What is on no mount (a pipe, a socket) has no leading slash.
func (n *capprofNames) path() string {
	var names []string
	for _, n := range n.Component[:n.Len] {
		names = append(names, text(n[:]))
	}
	slices.Reverse(names)
	if len(names) == len(n.Component) {
		return ".../" + strings.Join(names, "/") // deeper than is collected
	}
	if len(names) == 0 {
		return ""
	}
	return "/" + strings.TrimPrefix(strings.Join(names, "/"), "/")
}

// readAddress reads a struct sockaddr.
func readAddress(o *observation.Object, blob []byte) {
	if len(blob) < 8 {
		return
	}
	o.Family = int(binary.NativeEndian.Uint16(blob))
	switch o.Family {
	case unix.AF_INET:
		o.Port = int(binary.BigEndian.Uint16(blob[2:]))
		o.Address = net.JoinHostPort(net.IP(blob[4:8]).String(), strconv.Itoa(o.Port))
	case unix.AF_INET6:
		if len(blob) < 24 {
			return
		}
		o.Port = int(binary.BigEndian.Uint16(blob[2:]))
		o.Address = net.JoinHostPort(net.IP(blob[8:24]).String(), strconv.Itoa(o.Port))
	case unix.AF_UNIX:
		name := string(blob[2:])
		if strings.HasPrefix(name, "\x00") {
			name = "@" + name[1:] // the abstract namespace
		}
		o.Address, _, _ = strings.Cut(name, "\x00")
	case unix.AF_NETLINK:
		o.Address = "netlink"
	}
}

// capsetRequest reads the permitted and effective sets, together, and the
// inheritable set of two struct __user_cap_data_struct.
func capsetRequest(blob []byte) (held, inheritable capability.Set) {
	if len(blob) < 24 {
		return 0, 0
	}
	word := func(i int) uint64 { return uint64(binary.NativeEndian.Uint32(blob[4*i:])) }
	return capability.Set(word(0) | word(1) | (word(3)|word(4))<<32), capability.Set(word(2) | word(5)<<32)
}

// readCloneArguments reads a struct clone_args, of which the caller has filled in
// size bytes; earlier kernels know less of it.
func readCloneArguments(o *observation.Object, blob []byte, size uint64) {
	blob = blob[:min(uint64(len(blob)), size)]
	const flags, chosenIDs = 0, 72 // set_tid_size
	if len(blob) >= flags+8 {
		o.CloneFlags = binary.NativeEndian.Uint64(blob[flags:])
	}
	if len(blob) >= chosenIDs+8 {
		o.ChosenIDs = int(binary.NativeEndian.Uint64(blob[chosenIDs:]))
	}
}

// prctlRequest is the capability that a prctl(2) is about, if any.
func prctlRequest(args [6]uint64) capability.Set {
	number := uint64(256)
	switch args[0] {
	case unix.PR_CAPBSET_DROP, unix.PR_CAPBSET_READ:
		number = args[1]
	case unix.PR_CAP_AMBIENT:
		if args[1] == unix.PR_CAP_AMBIENT_RAISE {
			number = args[2]
		}
	}
	if number > uint64(capability.Max) {
		return 0
	}
	return capability.Of(capability.Cap(number))
}
