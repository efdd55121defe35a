package workload

import "slices"

// PlainEngine is the name of the engine of plain processes.
const PlainEngine = "plain processes"

// plain are options that only plain processes have: those of an engine without images and
// containers, which runs them on the machine's own root.
var plain = []*Option{
	{
		Name: "unit", Kind: Text, Plain: true,
		Usage:  "with --engine host: run the `service` of systemd, as its unit file says",
		Fields: noField,
	},
	{
		Name: "writes", Kind: Text, Plain: true, Check: oneOf("apart", "keep"),
		Usage:  "with --engine host: what `becomes` of what a run writes: apart for an overlay that is thrown away, keep for the machine's own files",
		Fields: noField,
	},
}

// notPlain are the options that have no meaning for plain processes, by the reason.
var notPlain = []struct {
	why   string
	names []string
}{
	{"it is for images, and plain processes are run from the machine's own files", []string{"platform", "pull", "runtime", "isolation", "storage-opt", "volume-driver"}},
	{"plain processes have no container whose volumes, names or labels could be meant", []string{"volumes-from", "label", "label-file", "annotation", "link", "network-alias", "log-driver", "log-opt"}},
	{"plain processes have the machine's devices; name the device to the command", []string{"device", "device-cgroup-rule", "gpus"}},
	{"a plain process of root has all that --privileged gives", []string{"privileged"}},
	{"plain processes have the machine's network, or none with --network none: their ports and names are its own", []string{
		"publish", "publish-all", "expose", "ip", "ip6", "link-local-ip", "mac-address", "add-host", "dns", "dns-search", "dns-option",
	}},
	{"capprof sets no limits of cgroups; run capprof itself in a slice that has them (systemd-run --slice)", []string{
		"shm-size", "memory", "memory-reservation", "memory-swap", "memory-swappiness", "oom-kill-disable", "pids-limit", "cpus", "cpu-shares", "cpu-period",
		"cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpuset-cpus", "cpuset-mems", "blkio-weight", "blkio-weight-device", "device-read-bps",
		"device-read-iops", "device-write-bps", "device-write-iops", "cgroup-parent",
	}},
	{"plain processes have a PID namespace of their own, so that all of a run ends with it, and the machine's cgroup and user namespaces", []string{"pid", "cgroupns", "userns"}},
	{"nothing that plain processes write stays, unless --writes keep says so", []string{"read-only"}},
}

// RefusedPlain is why an option cannot be had for plain processes; nil where all that were
// given can.
func RefusedPlain(o Options) *Refusal {
	for _, option := range o.All() {
		for _, r := range notPlain {
			if slices.Contains(r.names, option.Name) {
				return &Refusal{option.Name, r.why}
			}
		}
	}
	return nil
}

// RefusedContainer is why an option cannot be had for containers; nil where all that were
// given can.
func RefusedContainer(o Options) *Refusal {
	for _, option := range o.All() {
		if option.Plain {
			return &Refusal{option.Name, "it is for plain processes: --engine host"}
		}
	}
	return nil
}
