// Package mapper turns what a traced run showed into what it means: which
// refusals a capability would have prevented, which failures none cures, and
// the least dangerous set of capabilities that meets all of the former. It is
// pure: no BPF, no engine, no clock and no files.
package mapper

import "github.com/capprof/capprof/internal/observation"

// Map explains every operation of an observation that failed for want of a
// permission, or that was refused something without failing.
func Map(o observation.Observation, env Environment) Result {
	return Result{}
}
