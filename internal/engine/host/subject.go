package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// Subject is a prepared workload.
type Subject struct {
	engine   *Engine
	spec     workload.Spec
	unit     unit
	identity engine.Identity
	files    engine.Files

	mu sync.Mutex
	// noted are the notes that were passed on.
	noted map[string]bool
}

var _ engine.Subject = (*Subject)(nil)

// Identity is what the workload was resolved to.
func (s *Subject) Identity() engine.Identity { return s.identity }

// Prepare reads the unit, the files and the users that the workload names.
func (e *Engine) Prepare(ctx context.Context, w workload.Spec, _ io.Writer) (engine.Subject, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.Image != "" {
		return nil, fmt.Errorf("%w: %q: plain processes have no image; put -- before the command", engine.ErrNoImage, w.Image)
	}
	s := &Subject{engine: e, spec: w, noted: map[string]bool{}}
	if name := w.Options.Value("unit"); name != "" {
		var err error
		if s.unit, err = readUnit(name); err != nil {
			return nil, fmt.Errorf("%w: --unit %s: %w", engine.ErrBadWorkload, name, err)
		}
		for _, note := range s.unit.notes() {
			s.note(note)
		}
	}
	of, err := s.settingsOf(w)
	if err != nil {
		return nil, err
	}
	id := engine.Identity{
		Argv: of.program.Argv, User: fmt.Sprint(of.program.UID), Seccomp: engine.Seccomp{Name: engine.Unconfined}, Healthcheck: of.health.checks() || of.unit.tells(),
		StopTimeout: of.stopTimeout,
	}
	if id.StopSignal, err = workload.ParseSignal(of.stopSignal); err != nil {
		return nil, fmt.Errorf("%w: the stop signal %q: %w", engine.ErrBadWorkload, of.stopSignal, err)
	}
	for _, v := range of.volumes {
		kind := engine.BindMount
		if v.Source == "" {
			kind = engine.AnonymousVolume
		}
		id.Volumes = append(id.Volumes, engine.Volume{Target: filepath.Clean(v.Target), Source: v.Source, Kind: kind, ReadOnly: v.ReadOnly()})
	}
	slices.SortFunc(id.Volumes, func(a, b engine.Volume) int { return cmp.Compare(a.Target, b.Target) })
	s.identity = id
	e.log.Debug("prepared", "argv", id.Argv, "unit", s.unit.Name, "user", of.program.UID)
	return s, nil
}

// note passes a sentence on, once.
func (s *Subject) note(sentence string) {
	s.mu.Lock()
	known := s.noted[sentence]
	s.noted[sentence] = true
	s.mu.Unlock()
	if !known {
		s.engine.note(sentence)
	}
}

// Grantable is what this process holds.
func (s *Subject) Grantable(ctx context.Context, ask capability.Set) (capability.Set, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	held, err := held()
	return ask.Intersect(held), err
}

// Create makes the cgroup and the file tree of a container.
func (s *Subject) Create(ctx context.Context, c engine.Conditions) (engine.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Service != "" {
		return nil, fmt.Errorf("%w: a workload of plain processes has no service %q", engine.ErrBadWorkload, c.Service)
	}
	held, err := held()
	if err != nil {
		return nil, err
	}
	if missing := c.Capabilities.Minus(held); !missing.Empty() {
		return nil, &engine.RefusedError{Refused: missing, Err: errors.New("capprof does not hold them itself")}
	}
	of, err := s.settingsOf(s.spec.With(c.Options...))
	if err != nil {
		return nil, err
	}
	at, err := findUnified()
	if err != nil {
		return nil, err
	}
	made := &Container{
		subject: s, settings: of.under(c.Capabilities), id: fmt.Sprintf("%s-%d", s.engine.session, s.engine.counter.Add(1)),
	}
	data, _ := c.Data.(*Data)
	if data == nil {
		data = &Data{engine: s.engine}
		made.own = data
	}
	made.cgroup = filepath.Join(at.parent, namePrefix+made.id)
	if err := makeCgroup(made.cgroup, s.engine.owner.String()); err != nil {
		return nil, err
	}
	if made.tree, err = makeTree(made.settings, data); err != nil {
		// The caller gets no container, so it has none to remove.
		return nil, errors.Join(err, removeCgroup(made.cgroup), made.removeOwn(context.WithoutCancel(ctx)))
	}
	for _, note := range made.tree.notes {
		s.note(note)
	}
	s.engine.log.Debug("created", "container", made.id, "capabilities", c.Capabilities, "options", c.Options, "cgroup", made.cgroup)
	return made, nil
}
