package runner

import (
	"io"
	"log/slog"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// Options say what to profile and how.
type Options struct {
	Workload workload.Spec
	// Baseline is what the engine grants with today's flags; Allowed is what may
	// be granted while searching.
	Baseline, Allowed capability.Set
	// Success judges the end of a run that ends by itself, and Told is what the user says
	// of a run of a service.
	Success trial.Success
	Told    scenario.Told
	// Strict counts denials that the workload survives as needs.
	Strict bool
	// TolerateDrops takes a set with which processes go on with privileges that they meant
	// to give up.
	TolerateDrops bool
	// Prove runs the workload without each grant of the answer.
	Prove bool
	// Jobs bounds the runs at one time, MaxRuns their number in all.
	Jobs, MaxRuns int
	// Timeout bounds one run.
	Timeout time.Duration
	// Patience is how long a run may take, while nothing is known of one that passes,
	// before capprof runs the workload with everything allowed to learn it; 0 is for
	// ever.
	Patience time.Duration
	// Data says what each run finds in its volumes.
	Data engine.DataOptions
	// Input feeds every run the same standard input; nil for none.
	Input *trial.Input
	// Modules are the security modules of the containers' kernel; nil where none is in
	// force.
	Modules Modules
	// Resize makes a channel of terminal sizes for one run; nil without a TTY.
	Resize func() (sizes <-chan engine.Size, stop func())
	// Log says what is done and why, for bug reports. Profile takes nil for silence;
	// below it, Log is never nil.
	Log *slog.Logger
	// Version is capprof's own, for the record.
	Version string
}

// listening are the modules that runs listen to, nil for none.
func (o Options) listening() trial.Modules {
	if o.Modules == nil {
		return nil
	}
	return o.Modules
}

// privileged says that what replaces --privileged is searched for.
func (o Options) privileged() bool { return o.Workload.Options.Bool("privileged") }

// dataPolicy is the policy for the volumes that the options name, "" where they name none.
func (o Options) dataPolicy() workload.DataPolicy {
	switch {
	case !workload.NamesData(o.Workload.Options):
		return ""
	case o.Data.Policy == "":
		return workload.FreshData
	}
	return o.Data.Policy
}

// Observer is told of everything while it happens. Its methods may be called from
// several goroutines.
type Observer interface {
	// Started announces a run; the writers that it returns receive the run's
	// output as it comes, and done is called when there is no more.
	Started(run profile.Run) (stdout, stderr io.Writer, done func())
	// Ended reports a run's outcome and time.
	Ended(run profile.Run, took time.Duration)
	// Note reports what is no run: a decision, a pause.
	Note(text string)
	// Pull receives the progress of pulling an image, and of copying a run's data.
	Pull() io.Writer
}
