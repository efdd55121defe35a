package runner

import (
	"errors"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
)

func TestACommandThatCannotBeStarted(t *testing.T) {
	for name, missing := range map[string]*engine.StartError{
		"not found":      {Code: 127, Err: errors.New("no such file or directory")},
		"not executable": {Code: 126, Err: errors.New("exec format error")},
	} {
		for _, change := range []func(*Options){nil, untraced, jobs(4)} {
			e := newEngine(t, program{start: func(capability.Set) *engine.StartError { return missing }})
			a := try(t, e, change)
			if got, ok := errors.AsType[*engine.StartError](a.err); !ok || got.Code != missing.Code || a.Outcome != nil {
				t.Errorf("%s: %v", name, a.err)
			}
			// The first run, and one that had everything allowed.
			if len(e.containers) != 2 {
				t.Errorf("%s: %d containers", name, len(e.containers))
			}
		}
	}
}

func TestNotFoundForWantOfACapability(t *testing.T) {
	// The runtime could not search a directory of $PATH.
	hidden := &engine.StartError{Code: 127, Err: errors.New("not in $PATH")}
	start := func(set capability.Set) *engine.StartError {
		if set.Has(override) {
			return nil
		}
		return hidden
	}
	for _, change := range []func(*Options){nil, untraced, jobs(4)} {
		a := try(t, newEngine(t, program{steps: does().steps, start: start}), change)
		a.gives(t, profile.Proven, override)
	}
}

func TestAStartWithoutPermission(t *testing.T) {
	denied := &engine.StartError{Code: 126, Permission: true, Err: errors.New("permission denied")}
	for _, change := range []func(*Options){nil, untraced, jobs(4)} {
		// Nothing helps.
		a := try(t, newEngine(t, program{start: func(capability.Set) *engine.StartError { return denied }}), change)
		a.gives(t, profile.Failed)
		a.says(t, "the workload does not start: permission denied")
		if a.StartError != denied || len(a.Document.Runs) != 2 || *a.Document.Runs[1].ExitCode != 126 || a.Document.Runs[1].Purpose != profile.PurposeReference {
			t.Errorf("%v\n%s", a.StartError, a.runs())
		}
		// A capability helps, unseen; the removal of it fails otherwise than the first
		// run.
		missing := &engine.StartError{Code: 127, Err: errors.New("not in $PATH")}
		runs := 0
		a = try(t, newEngine(t, program{steps: does().steps, start: func(set capability.Set) *engine.StartError {
			runs++
			switch {
			case set.Has(override):
				return nil
			case runs == 1:
				return denied
			}
			return missing
		}}), change)
		a.gives(t, profile.Proven, override)
		if a.StartError != nil {
			t.Error(a.StartError)
		}
	}
}
