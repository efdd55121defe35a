package enginetest

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// checkDescription: a container is read as what it was made of, before, while and after
// nothing else happens to it.
func checkDescription(t *testing.T, s suite) {
	e := s.open(t)
	w := s.spec("echo", "as", "made")
	w.Options = w.Options.Set("env", "GIVEN=yes").Set("user", "1:2").Set("volume", "/tmp:/mnt:ro").Set("tmpfs", "/t").Set("read-only", "true").Set("security-opt", "no-new-privileges")
	subject, err := e.Prepare(t.Context(), w, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := subject.Create(t.Context(), engine.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{c.ID(), c.ID()[:12]} {
		d, err := e.Describe(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		// What the container is granted is the adapter's own doing.
		options := d.Workload.Options.Set("cap-add").Set("cap-drop")
		if d.ID != c.ID() || d.Name == "" || !slices.Equal(d.Workload.Command, w.Command) || !reflect.DeepEqual(options, w.Options) {
			t.Errorf("read %+v, made of %+v", d, w)
		}
		again, err := e.Prepare(t.Context(), workload.Spec{Image: d.Workload.Image}, &bytes.Buffer{})
		if err != nil || again.Identity().ID != subject.Identity().ID {
			t.Errorf("the image %s is another one (%v)", d.Workload.Image, err)
		}
	}
	var stdout bytes.Buffer
	exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout})
	if err := errors.Join(err, c.Remove(t.Context())); err != nil || exit.Code != 0 || stdout.String() != "as made\n" {
		t.Errorf("a container that was looked at printed %q and ended with %d: %v", stdout.String(), exit.Code, err)
	}
	for _, name := range []string{c.ID(), "capprof-enginetest-no-such-container"} {
		if _, err := e.Describe(t.Context(), name); !errors.Is(err, engine.ErrNoContainer) {
			t.Errorf("%s: %v, want no such container", name, err)
		}
	}
}
