package workload

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Setting is a docker run option that a run has beyond the workload's own.
type Setting struct {
	// Name is the option without its dashes: "device".
	Name  string `json:"option"`
	Value string `json:"value"`
}

// String is the option as it stands on a command line, for people.
func (o Setting) String() string { return "--" + o.Name + " " + o.Value }

// With is the workload with further options. It shares nothing that changes with
// the old one. An option that takes one value replaces it: the last one counts, as
// for docker run.
func (w Spec) With(options ...Setting) Spec {
	add := func(to *[]string, value string) { *to = append(slices.Clip(*to), value) }
	for _, o := range options {
		switch o.Name {
		case "cgroupns":
			w.CgroupNS = o.Value
		case "device":
			add(&w.Devices, o.Value)
		case "device-cgroup-rule":
			add(&w.DeviceCgroupRules, o.Value)
		case "security-opt":
			add(&w.SecurityOpt, o.Value)
		case "sysctl":
			name, value, _ := strings.Cut(o.Value, "=")
			w.Sysctls = maps.Clone(w.Sysctls)
			if w.Sysctls == nil {
				w.Sysctls = map[string]string{}
			}
			w.Sysctls[name] = value
		case "user":
			w.User = o.Value
		case "volume":
			add(&w.Volumes, o.Value)
		default:
			// The options are this package's own, not the user's.
			panic(fmt.Sprintf("no workload takes the option %s", o))
		}
	}
	return w
}
