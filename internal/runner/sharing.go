package runner

import (
	"slices"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// sharing names, for people, what the runs of a workload would all write to: as far as its
// options tell, and what another container hands on to it (--volumes-from), which they
// do not.
func sharing(opts Options, volumes []engine.Volume) []string {
	shared := workload.Shared(opts.Workload.Options, opts.Data.Policy)
	if len(opts.Workload.Options.Values("volumes-from")) == 0 || opts.Data.Policy != workload.FreshData && opts.Data.Policy != "" {
		return shared
	}
	for _, v := range volumes {
		// Volumes are new for each run, directories are the user's.
		if name := "the host's " + v.Source; v.Kind == engine.BindMount && !v.ReadOnly && !slices.Contains(shared, name) {
			shared = append(shared, name)
		}
	}
	return shared
}
