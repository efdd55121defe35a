package enginetest

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// checkData: the containers of one run find what the one before left in a volume, those
// of another run do not, and what was removed already is no error.
func checkData(t *testing.T, s suite) {
	e := s.open(t)
	prepare := func(args ...string) engine.Subject {
		w := s.spec(args...)
		w.Options = w.Options.Set("volume", "/kept")
		subject, err := e.Prepare(t.Context(), w, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return subject
	}
	var runs [2]engine.Data
	for i := range runs {
		data, err := prepare("exit", "0").Data(t.Context(), engine.DataOptions{Policy: workload.FreshData})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx := context.WithoutCancel(t.Context())
			if err := errors.Join(data.Remove(ctx), data.Remove(ctx)); err != nil {
				t.Error(err)
			}
		})
		runs[i] = data
	}
	for _, boot := range []struct {
		data engine.Data
		args []string
		code int
	}{
		{runs[0], []string{"write", "/kept/file", "left"}, 0},
		{runs[0], []string{"file", "/kept/file"}, 0},
		{runs[1], []string{"file", "/kept/file"}, 99},
	} {
		c, err := prepare(boot.args...).Create(t.Context(), engine.Conditions{Data: boot.data})
		if err != nil {
			t.Fatal(err)
		}
		exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: io.Discard, Stderr: io.Discard})
		if err := errors.Join(err, c.Remove(context.WithoutCancel(t.Context()))); err != nil || exit.Code != boot.code {
			t.Errorf("%v: exit %d, want %d: %v", boot.args, exit.Code, boot.code, err)
		}
	}
}
