package tracer

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// What the storm is made of.
const (
	stormThreads = 4
	stormAlike   = 10_000_000 // refused calls that are all the same
	stormVaried  = 1_000_000  // refused calls that are all different
)

// stormOfThreads is what the storm's program does once it has no capabilities left.
const stormOfThreads = "storm of threads"

// storm makes refused calls from several threads at a time.
func storm() error {
	problems := make([]error, stormThreads)
	var wait sync.WaitGroup
	for thread := range stormThreads {
		wait.Go(func() {
			runtime.LockOSThread()
			problems[thread] = stormThread(thread)
		})
	}
	wait.Wait()
	return errors.Join(problems...)
}

func stormThread(thread int) error {
	const alike, varied = stormAlike / stormThreads, stormVaried / stormThreads
	for i := range alike {
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, -5); !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("setpriority: %w", err)
		}
		if i%(alike/varied) != 0 {
			continue
		}
		if err := syscall.Sethostname(fmt.Appendf(nil, "capprof-%d-%d", thread, i)); !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("sethostname: %w", err)
		}
	}
	return nil
}

// countOf sums a failed call up.
func countOf(obs observation.Observation, call string, errno syscall.Errno) (count uint64) {
	for _, op := range find(obs, call, errno) {
		count += op.Count
	}
	return count
}

func TestMillionsOfChecksLoseNothing(t *testing.T) {
	began := time.Now()
	obs := traced(t, "storm")
	t.Logf("%d refused calls in %v", stormAlike+stormVaried, time.Since(began))
	noLosses(t, obs)
	if count := countOf(obs, "setpriority", unix.EACCES); count != stormAlike {
		t.Errorf("%d refused setpriority, want %d", count, stormAlike)
	}
	if count := countOf(obs, "sethostname", unix.EPERM); count != stormVaried {
		t.Errorf("%d refused sethostname, want %d", count, stormVaried)
	}
	if len(obs.Operations) > 1000 {
		t.Errorf("%d operations for what is two kinds and some hundred objects", len(obs.Operations))
	}
	for _, op := range obs.Operations {
		for _, check := range op.Checks {
			if len(check.Stack) == 0 {
				t.Errorf("a check without a stack: %+v", op)
			}
		}
	}
}

// smallTable makes a map too small for what happens.
func smallTable(name string, entries uint32) func(*ebpf.CollectionSpec) {
	return func(spec *ebpf.CollectionSpec) { spec.Maps[name].MaxEntries = entries }
}

// Maps are made too small for what happens: it must show.
func TestWhatDoesNotFitIsCounted(t *testing.T) {
	const page = 4096
	for _, test := range []struct {
		maps    string
		entries uint32
		act     string
		lost    func(observation.Losses) uint64
	}{
		{"operations", 8, "paths", func(l observation.Losses) uint64 { return l.Operations }},
		{"executables", 1, "children", func(l observation.Losses) uint64 { return l.Details }},
		{"stacks", 1, "paths", func(l observation.Losses) uint64 { return l.Stacks }},
		// The smallest ring buffer holds two details.
		{"details", page, "paths", func(l observation.Losses) uint64 { return l.Details }},
	} {
		t.Run(test.maps, func(t *testing.T) {
			tracer, err := New()
			if err != nil {
				t.Fatal(err)
			}
			tracer.shrink = smallTable(test.maps, test.entries)
			obs := tracedBy(t, tracer, test.act)
			if test.lost(obs.Losses) == 0 || obs.Losses.Total() == 0 {
				t.Fatalf("losses: %+v", obs.Losses)
			}
			// What is not in a table is in a counter.
			if count := countOf(obs, "sethostname", unix.EPERM); test.act == "paths" && count+obs.Losses.Operations < 2000 {
				t.Errorf("%d of 2000 refused calls and %d lost operations: some vanished", count, obs.Losses.Operations)
			}
		})
	}
}
