package engine

import (
	"context"
	"io"

	"github.com/capprof/capprof/internal/workload"
)

// Data is what the containers of one run share beyond the image: its volumes, and what
// stands in for the user's.
type Data interface {
	// Remove deletes what capprof made, and never what is the user's. The containers
	// must be gone by then. What is gone already is no error.
	Remove(ctx context.Context) error
}

// DataOptions say what a run finds in its volumes.
type DataOptions struct {
	// Policy is workload.FreshData where it is "".
	Policy workload.DataPolicy
	// Limit bounds what is copied for one run, in bytes; 0 is for no limit.
	Limit int64
	// Progress receives lines about copies, for people.
	Progress io.Writer
}
