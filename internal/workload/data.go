package workload

import (
	"fmt"
	"slices"
	"strings"
)

// DataPolicy says what the runs of a workload find in the volumes and in the writable
// directories of the host that its options name.
type DataPolicy string

// The policies. Anonymous volumes are made anew for each run under each of them, and
// what a run cannot write it gets as it is.
const (
	// FreshData gives each run new volumes in place of the named ones; directories of
	// the host are the user's own.
	FreshData DataPolicy = "fresh"
	// CopiedData gives each run a copy of the user's volumes and directories.
	CopiedData DataPolicy = "copy"
	// OwnData gives each run the user's own volumes and directories.
	OwnData DataPolicy = "own"
)

// DataPolicies lists them; the first one is the default.
func DataPolicies() []DataPolicy { return []DataPolicy{FreshData, CopiedData, OwnData} }

// ParseDataPolicy reads a policy's name.
func ParseDataPolicy(name string) (DataPolicy, error) {
	if p := DataPolicy(name); slices.Contains(DataPolicies(), p) {
		return p, nil
	}
	return "", fmt.Errorf("%q is not one of %s, %s and %s", name, FreshData, CopiedData, OwnData)
}

// NamesData reports whether options name volumes or directories of the host, so that a
// policy makes a difference.
func NamesData(o Options) bool {
	return slices.ContainsFunc([]string{"volume", "mount", "volumes-from"}, func(name string) bool { return len(o.Values(name)) > 0 })
}

// Shared names, for people, what two runs of a workload with these options would both
// write to or both be: with a policy that leaves it the user's own, named volumes and
// writable directories of the host, and always the ports of a network namespace that is
// not the container's own, memory that outlives a container, and an address or a name in
// a network. Anonymous volumes and tmpfs are made anew for each run.
func Shared(o Options, policy DataPolicy) []string {
	var all []string
	for _, v := range o.Volumes() {
		switch {
		case v.ReadOnly() || v.Source == "" || policy == CopiedData:
		case !v.Named():
			all = append(all, "the host's "+v.Source)
		case policy == OwnData:
			all = append(all, "the volume "+v.Source)
		}
	}
	for _, from := range o.Values("volumes-from") {
		if name, mode, _ := strings.Cut(from, ":"); mode != "ro" && policy == OwnData {
			all = append(all, "the volumes of "+name)
		}
	}
	if o.Value("writes") == "keep" {
		all = append(all, "the machine's own files (--writes keep)")
	}
	if o.SharesNetwork() {
		all = append(all, "the ports of --network "+NetworkMode(o))
	}
	if ipc := o.Value("ipc"); ipc == "host" || strings.HasPrefix(ipc, "container:") {
		all = append(all, "the memory of --ipc "+ipc)
	}
	return append(all, inNetwork(o)...)
}
