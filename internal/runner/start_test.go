package runner

import (
	"errors"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
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
		if a.StartError != denied || len(a.Document.Runs) != 2 || a.Document.Runs[1].ExitCode != 126 || a.Document.Runs[1].Purpose != profile.PurposeReference {
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

func TestNoCommandAtAll(t *testing.T) {
	e := newEngine(t, does())
	for name, c := range map[string]struct {
		image engine.Image
		w     workload.Spec
		ok    bool
	}{
		"none":                             {engine.Image{}, workload.Spec{}, false},
		"the image's":                      {engine.Image{Command: []string{"x"}}, workload.Spec{}, true},
		"the image's entrypoint":           {engine.Image{Entrypoint: []string{"x"}}, workload.Spec{}, true},
		"given":                            {engine.Image{}, workload.Spec{Command: []string{"x"}}, true},
		"entrypoint given":                 {engine.Image{}, workload.Spec{Options: workload.Options{}.Set("entrypoint", "x")}, true},
		"entrypoint cleared, no command":   {engine.Image{Entrypoint: []string{"x"}, Command: []string{"y"}}, workload.Spec{Options: workload.Options{}.Set("entrypoint", "")}, false},
		"entrypoint cleared, with command": {engine.Image{Entrypoint: []string{"x"}}, workload.Spec{Command: []string{"y"}, Options: workload.Options{}.Set("entrypoint", "")}, true},
	} {
		e.image = c.image
		a := try(t, e, func(o *Options) { o.Workload = c.w; o.Workload.Image = "image" })
		if c.ok != (a.err == nil) || !c.ok && !errors.Is(a.err, engine.ErrBadWorkload) {
			t.Errorf("%s: %v", name, a.err)
		}
		e.containers = nil
	}
}
