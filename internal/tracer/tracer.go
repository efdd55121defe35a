// Package tracer follows the tasks of containers with BPF programs and returns what
// they were refused. It interprets nothing: that is the mapper's.
//
// The programs aggregate in the kernel (see bpf/capprof.bpf.c). They are attached
// for the time of a run only, because the system call tracepoints slow every
// task of the machine down.
package tracer

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
)

// Tracer can trace runs on this machine. Its sessions, watches and activities are
// independent of each other, and any number of them may be there at one time.
type Tracer struct {
	hook hook
	// places are those at which the programs of a trace run.
	places  []place
	symbols func() (*symbols, error)
	spare   *spare
	watcher *watcher
	// activities are those of runs that are waited for.
	activities *activities
	// attached counts the sessions so far.
	attached atomic.Int32
	// shrink, for tests, changes the programs' maps before they are made.
	shrink func(*ebpf.CollectionSpec)
}

// New probes the kernel. An *UnavailableError says what is missing and what to
// do about it.
func New() (*Tracer, error) { return NewOn("") }

// NewOn is New with one of Hooks, or "" for the first that works.
func NewOn(hookName string) (*Tracer, error) {
	if err := checkBTF(); err != nil {
		return nil, err
	}
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, &UnavailableError{Feature: "the kernel's BTF type information", Fix: "see capprof doctor", Err: err}
	}
	missing, err := missingPrivileges()
	if err != nil {
		return nil, err
	}
	if !missing.Empty() {
		return nil, explainLoad(unix.EPERM)
	}
	if err := checkHelpers(kernel); err != nil {
		return nil, err
	}
	hook, err := chooseHook(hooks, kernel, hookName)
	if err != nil {
		return nil, err
	}
	preempted := arePreempted(kernel)
	sees := within(hook.places, kernel, preempted)
	places := slices.Concat(within(follows, kernel, preempted), sees)
	return &Tracer{
		hook: hook, places: places, symbols: sync.OnceValues(readSymbols), spare: loadSpare(kernel, places), watcher: newWatcher(sees, kernel),
		activities: newActivities(kernel),
	}, nil
}

// Hook names how the checks are seen, for example "tp_btf/cap_capable".
func (t *Tracer) Hook() string { return t.hook.name }

// Session traces the containers of one run, from before the first start to after the
// last end.
type Session struct {
	tracer *Tracer
	starts starts
	// phases are those that were entered, by the programs' numbers for them.
	phases []scenario.Phase
	object *ebpf.Collection
	links  []link.Link
	// unprobed counts what went past probes, as far as the kernel tells.
	unprobed uint64
	reader   *ringbuf.Reader
	// details receives what the reader goroutine collected, when it is done.
	details chan collected
	closed  sync.Once
}

// Attach begins to trace a container, which must have been created and not started.
// The caller ends with Close.
func (t *Tracer) Attach(target Target) (_ *Session, err error) {
	s := &Session{tracer: t, phases: []scenario.Phase{{}}, details: make(chan collected, 1)}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.object, err = t.loaded(); err != nil {
		return nil, err
	}
	if err := s.Follow(target); err != nil {
		return nil, err
	}
	if s.reader, err = ringbuf.NewReader(s.object.Maps[capprofMapDetails]); err != nil {
		return nil, fmt.Errorf("opening the ring buffer: %w", err)
	}
	go func() { s.details <- collect(s.reader, &s.starts) }()
	// Symbols are wanted at the end; reading them takes a while.
	go t.symbols()
	if t.attached.Add(1) > 1 {
		// Who explores a second time will have something to prove. For one run alone
		// the process would have to wait for the kernel that still checks them.
		go func() { _, _ = t.watcher.loaded() }() // Watch returns the error
	}
	if s.links, err = attachAll(s.object, t.places); err != nil {
		return nil, explainLoad(err)
	}
	return s, nil
}

// Finish detaches the programs and returns what was seen, of all containers together.
// They must have ended: what is still running is cut off.
func (s *Session) Finish() (observation.Observation, error) {
	var none observation.Observation
	s.unprobed = unprobed(s.links)
	if err := s.detach(); err != nil {
		return none, err
	}
	if err := s.reader.Flush(); err != nil {
		return none, fmt.Errorf("flushing the ring buffer: %w", err)
	}
	details := <-s.details
	s.details <- details // for Close
	if details.err != nil {
		return none, fmt.Errorf("reading details: %w", details.err)
	}
	symbols, err := s.tracer.symbols()
	if err != nil {
		return none, err
	}
	return s.observe(details, symbols)
}

func (s *Session) detach() error {
	links := s.links
	s.links = nil
	return closeAll(links)
}

// Close releases everything, whether or not the session finished.
func (s *Session) Close() {
	s.closed.Do(func() {
		_ = s.detach() // closing a link's descriptor does not fail in a way that could be fixed
		if s.reader != nil {
			_ = s.reader.Close()
			<-s.details
		}
		if s.object != nil {
			s.object.Close()
		}
	})
}
