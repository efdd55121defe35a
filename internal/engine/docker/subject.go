package docker

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/seccomp"
	"github.com/capprof/capprof/internal/workload"
)

// Subject is a prepared workload.
type Subject struct {
	engine   *Engine
	spec     workload.Spec
	identity engine.Identity
	files    *engine.Files
	// ofImage are the targets of the image's own volumes.
	ofImage []string
}

var _ engine.Subject = (*Subject)(nil)

// Identity is what the workload was resolved to.
func (s *Subject) Identity() engine.Identity { return s.identity }

// Prepare finds the image and reads the seccomp profile. Containers are made by the
// image's ID: a tag that moves meanwhile changes nothing.
func (e *Engine) Prepare(ctx context.Context, w workload.Spec, progress io.Writer) (engine.Subject, error) {
	found, err := e.image(ctx, w, progress)
	if err != nil {
		return nil, err
	}
	s := &Subject{engine: e, spec: w, files: &engine.Files{}}
	s.identity = engine.Identity{Reference: w.Image, ID: found.ID, Digest: repositoryDigest(w.Image, found.RepoDigests)}
	if found.Config == nil {
		s.identity.Argv = argv(nil, nil, w)
	} else {
		s.identity.Argv = argv(found.Config.Entrypoint, found.Config.Cmd, w)
		s.ofImage = slices.Sorted(maps.Keys(found.Config.Volumes))
	}
	if len(s.identity.Argv) == 0 {
		return nil, fmt.Errorf("%w: image %s has no command of its own; say what to run: capprof run %s -- COMMAND", engine.ErrBadWorkload, w.Image, w.Image)
	}
	if s.identity.Seccomp, err = s.seccomp(ctx); err != nil {
		return nil, err
	}
	if err := s.life(ctx, found.Config); err != nil {
		return nil, err
	}
	// From here on it is this image, whatever the name comes to mean.
	s.spec.Image = found.ID
	e.log.Debug("prepared", "image", w.Image, "id", found.ID, "argv", s.identity.Argv, "seccomp", s.identity.Seccomp.Name)
	return s, nil
}

// argv is what a container of the image runs, as moby's daemon puts it together
// (daemon/commit.go, merge; oci_linux.go): an entrypoint of the workload's takes the
// image's command away.
func argv(entrypoint, command []string, w workload.Spec) []string {
	if given := w.Options.Values("entrypoint"); given != nil {
		entrypoint, command = slices.DeleteFunc(slices.Clone(given), func(arg string) bool { return arg == "" }), nil
	}
	if len(w.Command) > 0 {
		command = w.Command
	}
	return slices.Concat(entrypoint, command)
}

// seccomp is the profile of the workload's own options, or else the engine's.
func (s *Subject) seccomp(ctx context.Context) (engine.Seccomp, error) {
	about, err := s.engine.whoIsIt(ctx)
	if err != nil {
		return engine.Seccomp{}, err
	}
	name := s.spec.Options.Seccomp()
	switch name {
	case "":
		return seccompDefault(about, parseSecurityOptions(about.info.SecurityOptions)), nil
	case engine.Unconfined:
		return engine.Seccomp{Name: name}, nil
	case "builtin":
		return engine.Seccomp{Name: "default", Filter: about.builtin}, nil
	}
	text := []byte(name)
	if workload.InlineSeccomp(name) {
		name = engine.Inline
	} else if text, err = s.files.Read(name); err != nil {
		return engine.Seccomp{}, fmt.Errorf("%w: reading the seccomp profile: %w", engine.ErrBadWorkload, err)
	}
	filter, err := seccomp.Parse(text)
	if err != nil {
		return engine.Seccomp{}, fmt.Errorf("%w: seccomp profile %s: %w", engine.ErrBadWorkload, name, err)
	}
	return engine.Seccomp{Name: name, Filter: filter}, nil
}
