package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/seccomp"
	"github.com/capprof/capprof/internal/workload"
)

// Subject is a prepared workload.
type Subject struct {
	engine   *Engine
	spec     workload.Spec
	identity engine.Identity
	profiles *profiles
}

var _ engine.Subject = (*Subject)(nil)

// Identity is what the workload was resolved to.
func (s *Subject) Identity() engine.Identity { return s.identity }

// Prepare finds the image and reads the seccomp profile. Containers are made by the
// image's ID: a tag that moves meanwhile changes nothing.
func (e *Engine) Prepare(ctx context.Context, w workload.Spec, progress io.Writer) (engine.Subject, error) {
	found, err := e.image(ctx, w.Image, progress)
	if err != nil {
		return nil, err
	}
	s := &Subject{engine: e, spec: w, profiles: &profiles{}}
	s.identity = engine.Identity{Reference: w.Image, ID: found.ID, Digest: repositoryDigest(w.Image, found.RepoDigests)}
	if found.Config == nil {
		s.identity.Argv = argv(nil, nil, w)
	} else {
		s.identity.Argv = argv(found.Config.Entrypoint, found.Config.Cmd, w)
	}
	if len(s.identity.Argv) == 0 {
		return nil, fmt.Errorf("%w: image %s has no command of its own; say what to run: capprof run %s -- COMMAND", engine.ErrBadWorkload, w.Image, w.Image)
	}
	if s.identity.Seccomp, err = s.seccomp(ctx); err != nil {
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
	if w.Entrypoint != nil {
		entrypoint, command = slices.DeleteFunc(slices.Clone(w.Entrypoint), func(arg string) bool { return arg == "" }), nil
	}
	if len(w.Command) > 0 {
		command = w.Command
	}
	return slices.Concat(entrypoint, command)
}

// seccomp is the profile of the workload's own options, or else the engine's.
func (s *Subject) seccomp(ctx context.Context) (engine.Seccomp, error) {
	facts, err := s.engine.Facts(ctx)
	if err != nil {
		return engine.Seccomp{}, err
	}
	name := ""
	for _, option := range s.spec.SecurityOpt {
		if i := strings.IndexAny(option, "=:"); i >= 0 && option[:i] == "seccomp" {
			name = option[i+1:]
		}
	}
	switch name {
	case "":
		return facts.Seccomp, nil
	case engine.Unconfined:
		return engine.Seccomp{Name: name}, nil
	case "builtin":
		return engine.Seccomp{Name: "default", Filter: builtinFilter(facts.Name, facts.Version)}, nil
	}
	text, err := s.profiles.read(name)
	if err != nil {
		return engine.Seccomp{}, fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	filter, err := seccomp.Parse([]byte(text))
	if err != nil {
		return engine.Seccomp{}, fmt.Errorf("%w: seccomp profile %s: %w", engine.ErrBadWorkload, name, err)
	}
	return engine.Seccomp{Name: name, Filter: filter}, nil
}

// profiles are the seccomp profiles that options name, each read once: one that is
// edited during a search does not make its runs differ.
type profiles struct {
	mu   sync.Mutex
	text map[string]string
}

// read reads a profile and takes the white space out.
func (p *profiles) read(path string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text, known := p.text[path]; known {
		return text, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the seccomp profile: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return "", fmt.Errorf("seccomp profile %s: %w", path, err)
	}
	if p.text == nil {
		p.text = map[string]string{}
	}
	p.text[path] = compact.String()
	return p.text[path], nil
}
