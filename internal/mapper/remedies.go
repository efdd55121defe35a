package mapper

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// try makes remedies whose arguments the call gives.
func try(kinds ...remedy.Kind) []remedy.Remedy { return remedy.List(kinds...) }

func limit(name, value string) []remedy.Remedy {
	return []remedy.Remedy{{Kind: remedy.Limit, Name: name, Value: value}}
}

func hostSysctl(name, value string) []remedy.Remedy {
	return []remedy.Remedy{{Kind: remedy.HostSysctl, Name: name, Value: value}}
}

// suit makes the remedies of a table those of one call: they get its arguments,
// what its path lies on is taken into account, and what does not apply goes.
func suit(remedies []remedy.Remedy, op observation.Operation, env Environment) []remedy.Remedy {
	var all []remedy.Remedy
	for _, r := range remedies {
		for _, s := range relocate(r, op, env) {
			s = complete(s, op, env)
			if applies(s, op, env) && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// applies reports whether a remedy of a table is one for a call.
func applies(r remedy.Remedy, op observation.Operation, env Environment) bool {
	switch r.Kind {
	case remedy.DatagramPing:
		return asksForPing(op)
	case remedy.SecurityModule:
		return !env.ModulesKnown && len(env.Modules) == 0 || env.under(r.Name)
	default:
		return true
	}
}

// relocate replaces what is said of a file in the image where the file is somewhere
// else: nothing that a Dockerfile does reaches a tmpfs, a bind mount, a device node
// or a file of /proc.
func relocate(r remedy.Remedy, op observation.Operation, env Environment) []remedy.Remedy {
	switch r.Kind {
	case remedy.OwnFile, remedy.SetOwner, remedy.SetMode:
	case remedy.RunAsOwner:
		if isOtherProcess(op) || isDevice(op) {
			return nil
		}
		return []remedy.Remedy{r}
	default:
		return []remedy.Remedy{r}
	}
	on, known := mountOf(op.Object.Path, env)
	switch {
	case isOtherProcess(op):
		return try(remedy.Dumpable)
	case isDevice(op):
		// Docker makes a device node as it is on the host (runc libcontainer/devices).
		return []remedy.Remedy{{Kind: remedy.DeviceOwner, Path: callwords.Steady(op.Object.Path)}}
	case known && on.Kind.ofTheUser():
		return []remedy.Remedy{{Kind: remedy.MountOwner, Mount: string(on.Kind), Path: on.Target, User: wantedOwner(r.Kind, op, env)}}
	}
	return []remedy.Remedy{r}
}

// complete fills in the arguments that a remedy takes and the call tells.
func complete(r remedy.Remedy, op observation.Operation, env Environment) remedy.Remedy {
	file := callwords.Steady(op.Object.Path)
	if r.Path == "" && r.Kind.Takes("path") {
		r.Path = file
	}
	switch r.Kind {
	case remedy.Device:
		if !within(r.Path, "/dev") {
			r.Path = "" // the node's place in the container says nothing of the host's
		}
	case remedy.DeviceRule:
		if r.Device == "" {
			r.Device = deviceOf(op)
		}
	case remedy.OwnFile, remedy.SetOwner:
		r.User = wantedOwner(r.Kind, op, env)
	case remedy.ExecutableBit:
		if on, known := mountOf(file, env); known && on.Kind.ofTheUser() {
			r.Mount = string(on.Kind)
		}
	case remedy.StartAsUser:
		if r.User = becomes(op); r.User == "0" {
			return remedy.Remedy{Kind: remedy.AsRoot}
		}
	case remedy.Sysctl:
		if r.Name == "" {
			r.Name, _ = sysctlOf(file)
		}
	case remedy.Limit:
		if r.Name == "" {
			r.Name = resourceOf(op)
		}
	case remedy.DatagramPing:
		if !pingAllowed(env) {
			r.Name, r.Value = observation.PingGroupRange, everyGroup
		}
	}
	return r
}

// wantedOwner is the user who would need nothing, were the file his: the one whom a
// chown(2) names, or the one as whom the process runs. "" where that is not known:
// the mapping of users is the engine's own.
func wantedOwner(kind remedy.Kind, op observation.Operation, env Environment) string {
	if kind == remedy.SetOwner {
		if i, ok := ownerArgument[op.Syscall]; ok {
			if int32(op.Args[i]) < 0 {
				return "" // the group alone changes
			}
			return strconv.Itoa(int(int32(op.Args[i])))
		}
	}
	if env.RootUID != 0 {
		return ""
	}
	return strconv.FormatUint(uint64(op.UID), 10)
}

// ownerArgument is where the calls that change an owner have the user.
var ownerArgument = map[string]int{"chown": 1, "lchown": 1, "fchown": 1, "fchownat": 2, "chown32": 1, "lchown32": 1, "fchown32": 1}

// becomes is the user that a call of setuid(2) and its kin makes of the process, ""
// for none.
func becomes(op observation.Operation) string {
	ids := 0
	switch strings.TrimSuffix(op.Syscall, "32") {
	case "setuid":
		ids = 1
	case "setreuid":
		ids = 2
	case "setresuid":
		ids = 3
	}
	for _, id := range op.Args[:ids] {
		if int32(id) >= 0 {
			return strconv.Itoa(int(int32(id)))
		}
	}
	return ""
}

// sysctlOf is the name of the sysctl behind a path of /proc/sys.
func sysctlOf(name string) (sysctl string, ok bool) {
	rest, ok := strings.CutPrefix(path.Clean(name), "/proc/sys/")
	return strings.ReplaceAll(rest, "/", "."), ok
}

// resources are the limits by number, as docker run --ulimit calls them
// (asm-generic/resource.h).
var resources = []string{
	"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
}

// resourceOf is the limit that a call changes, "" for none.
func resourceOf(op observation.Operation) string {
	number := uint64(len(resources))
	switch op.Syscall {
	case "prlimit64":
		number = op.Args[1]
	case "setrlimit":
		number = op.Args[0]
	}
	if number >= uint64(len(resources)) {
		return ""
	}
	return resources[number]
}

// everyGroup is the net.ipv4.ping_group_range that lets everybody open an ICMP
// datagram socket.
const everyGroup = "0 2147483647"

// asksForPing reports whether a socket is one for ICMP: for another protocol no
// datagram socket stands in (net/ipv4/af_inet.c:inetsw_array).
func asksForPing(op observation.Operation) bool {
	switch op.Args[0] {
	case unix.AF_INET:
		return op.Args[2] == unix.IPPROTO_ICMP
	case unix.AF_INET6:
		return op.Args[2] == unix.IPPROTO_ICMPV6
	}
	return false
}

// pingAllowed reports whether every group may open an ICMP datagram socket already.
func pingAllowed(env Environment) bool {
	return slices.Equal(strings.Fields(env.sysctls[observation.PingGroupRange]), strings.Fields(everyGroup))
}

// ownerKinds are remedies that leave every other file protected, where a capability
// on the executable would open every file.
var ownerKinds = []remedy.Kind{remedy.OwnFile, remedy.RunAsOwner, remedy.ActAsOwner, remedy.SetOwner, remedy.SetMode, remedy.MountOwner, remedy.DeviceOwner, remedy.Dumpable}

// whereUnreachable are what works where an added capability does not: first what
// makes it needless. user says that the process does not run as root.
func whereUnreachable(d Denial, user, noNewPrivs bool) []remedy.Remedy {
	c := capability.Of(d.AnyOf[0])
	if !user {
		return append(slices.Clip(d.Remedies), remedy.Remedy{Kind: remedy.KeepCapability, Capabilities: c})
	}
	overrides := capability.Of(capability.DACOverride, capability.DACReadSearch, capability.FOwner, capability.Chown)
	byOwner := slices.ContainsFunc(d.Remedies, func(r remedy.Remedy) bool { return slices.Contains(ownerKinds, r.Kind) })
	if byOwner && !overrides.Intersect(capability.Of(d.AnyOf...)).Empty() {
		return d.Remedies
	}
	// What the program was made for comes before being root, or another program.
	last := func(r remedy.Remedy) bool {
		return r.Kind == remedy.AsRoot || r.Kind == remedy.DatagramPing && r.Value == ""
	}
	with := remedy.Remedy{Kind: remedy.FileCapability, Path: executable(d.Operation), Capabilities: c}
	if noNewPrivs {
		with.Kind = remedy.NewPrivileges
	}
	all := append(slices.DeleteFunc(slices.Clone(d.Remedies), last), with)
	for _, r := range d.Remedies {
		if last(r) && r.Kind != remedy.AsRoot {
			all = append(all, r)
		}
	}
	return append(all, remedy.Remedy{Kind: remedy.AsRoot})
}

// executable is the file that a process runs, where it has a path of its own.
func executable(op observation.Operation) string {
	if !path.IsAbs(op.Executable) || isOtherProcess(observation.Operation{Object: observation.Object{Path: op.Executable}}) {
		return ""
	}
	return op.Executable
}
