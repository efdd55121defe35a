// Package tracer follows the tasks of one container with BPF programs and returns
// what they were refused. It interprets nothing: that is the mapper's.
//
// The programs aggregate in the kernel (see bpf/capprof.bpf.c). They are attached
// for the time of one run only, because the system call tracepoints slow every
// task of the machine down.
package tracer

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Tracer can trace runs on this machine, one at a time.
type Tracer struct {
	hook    hook
	symbols func() (*symbols, error)
	spare   *spare
	watcher *watcher
	// attached counts the sessions so far.
	attached atomic.Int32
	// shrink, for tests, changes the programs' maps before they are made.
	shrink func(*ebpf.CollectionSpec)
}

// New probes the kernel. An *UnavailableError says what is missing and what to
// do about it.
func New() (*Tracer, error) {
	if err := checkBTF(); err != nil {
		return nil, err
	}
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, &UnavailableError{Feature: "the kernel's BTF type information", Cure: "see capprof doctor", Err: err}
	}
	hook, err := chooseHook(kernel)
	if err != nil {
		return nil, err
	}
	missing, err := missingPrivileges()
	if err != nil {
		return nil, err
	}
	if !missing.Empty() {
		return nil, explainLoad(unix.EPERM)
	}
	// Kernels before 5.11 account maps as locked memory; an error there shows when
	// the maps are made, with a better message.
	_ = rlimit.RemoveMemlock()
	return &Tracer{hook: hook, symbols: sync.OnceValues(readSymbols), spare: loadSpare(kernel), watcher: newWatcher(hook, kernel)}, nil
}

// Hook names how the checks are seen, for example "tp_btf/cap_capable".
func (t *Tracer) Hook() string { return t.hook.name() }

// Session traces one container, from before its start to after its end.
type Session struct {
	tracer  *Tracer
	objects capprofObjects
	links   []link.Link
	reader  *ringbuf.Reader
	// details receives what the reader goroutine collected, when it is done.
	details chan collected
	closed  sync.Once
}

// Attach begins to trace the container whose cgroup directory has the name
// cgroupName. The container must have been created and not started. The caller
// ends with Close.
func (t *Tracer) Attach(cgroupName string) (_ *Session, err error) {
	s := &Session{tracer: t, details: make(chan collected, 1)}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.objects, err = t.loaded(); err != nil {
		return nil, err
	}
	if err := setCgroup(s.objects.CgroupName, cgroupName); err != nil {
		return nil, err
	}
	if s.reader, err = ringbuf.NewReader(s.objects.Details); err != nil {
		return nil, fmt.Errorf("opening the ring buffer: %w", err)
	}
	go func() { s.details <- collect(s.reader) }()
	// Symbols are wanted at the end; reading them takes a while.
	go t.symbols()
	if t.attached.Add(1) > 1 {
		// Who explores a second time will have something to prove. For one run alone
		// the process would have to wait for the kernel that still checks them.
		go func() { _, _ = t.watcher.loaded() }() // Watch returns the error
	}

	programs := s.programs()
	// The order matters: what creates a task's state comes last, so that no task
	// is followed by half of the programs.
	for _, name := range []string{capprofProgOnExit, capprofProgOnSysEnter, capprofProgOnSysExit, capprofProgOnFork, capprofProgOnExec} {
		l, err := link.AttachTracing(link.TracingOptions{Program: programs[name]})
		if err != nil {
			return nil, explainLoad(fmt.Errorf("attaching %s: %w", name, err))
		}
		s.links = append(s.links, l)
	}
	links, err := t.hook.attach(programs)
	if err != nil {
		return nil, explainLoad(err)
	}
	s.links = append(s.links, links...)
	return s, nil
}

func (s *Session) programs() map[string]*ebpf.Program {
	return map[string]*ebpf.Program{
		capprofProgOnCapCapable: s.objects.OnCapCapable,
		capprofProgOnExec:       s.objects.OnExec,
		capprofProgOnExit:       s.objects.OnExit,
		capprofProgOnFork:       s.objects.OnFork,
		capprofProgOnSysEnter:   s.objects.OnSysEnter,
		capprofProgOnSysExit:    s.objects.OnSysExit,
	}
}

// Finish detaches the programs and returns what was seen. The container must have
// ended: what is still running is cut off.
func (s *Session) Finish() (observation.Observation, error) {
	if err := s.detach(); err != nil {
		return observation.Observation{}, err
	}
	if err := s.reader.Flush(); err != nil {
		return observation.Observation{}, fmt.Errorf("flushing the ring buffer: %w", err)
	}
	details := <-s.details
	s.details <- details // for Close
	if details.err != nil {
		return observation.Observation{}, fmt.Errorf("reading details: %w", details.err)
	}
	symbols, err := s.tracer.symbols()
	if err != nil {
		return observation.Observation{}, err
	}
	return s.observe(details.byKey, symbols)
}

func (s *Session) detach() error {
	var errs []error
	for _, l := range s.links {
		errs = append(errs, l.Close())
	}
	s.links = nil
	return errors.Join(errs...)
}

// Close releases everything, whether or not the session finished.
func (s *Session) Close() {
	s.closed.Do(func() {
		_ = s.detach() // closing a link's descriptor does not fail in a way that could be mended
		if s.reader != nil {
			_ = s.reader.Close()
			<-s.details
		}
		_ = s.objects.Close()
	})
}
