package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
)

// boot is how a boot of a fake service goes.
type boot struct {
	// listens is when it begins to listen on port 80; spawns when its worker is there.
	listens, spawns time.Duration
	// dies is when it ends by itself, with code; 0 is for never.
	dies time.Duration
	code int
	// loses is when its worker is gone again; 0 is for never.
	loses time.Duration
	// healthy is when its health check says so.
	healthy time.Duration
	// stops is how long it takes to end once it is asked to, with stopCode.
	stops    time.Duration
	stopCode int
	// deaf says that it does not heed the signal.
	deaf bool
	// busy is the share of a processor that it uses.
	busy float64
	// starved is how long it would run and gets no processor.
	starved time.Duration
	// writes is what it writes when it begins to listen.
	writes string
	// exec is what a command in it ends with; execHangs says that it does not end.
	exec      int
	execHangs bool
	// confined says that the engine does not hold all capabilities.
	confined bool
}

// fakeSubject makes containers whose n-th boot of a run goes as boots says, or as the
// last of them.
type fakeSubject struct {
	identity engine.Identity
	// with is how the boots go with capabilities, without how without any.
	with, without []boot
	// confines is what the containers are under.
	confines []engine.Confinement

	mu   sync.Mutex
	made []*fakeContainer
}

func (s *fakeSubject) Identity() engine.Identity { return s.identity }

func (s *fakeSubject) Grantable(_ context.Context, ask capability.Set) (capability.Set, error) {
	return ask, nil
}

func (s *fakeSubject) Data(context.Context, engine.DataOptions) (engine.Data, error) {
	return fakeData{}, nil
}

type fakeData struct{}

func (fakeData) Remove(context.Context) error { return nil }

func (s *fakeSubject) Create(_ context.Context, c engine.Conditions) (engine.Container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	boots := s.with
	if c.Capabilities.Empty() {
		boots = s.without
	}
	made := &fakeContainer{subject: s, id: fmt.Sprintf("%012d", len(s.made)), boots: boots}
	for _, earlier := range s.made {
		if earlier.sameRun(made) {
			made.booted += earlier.booted
		}
	}
	s.made = append(s.made, made)
	return made, nil
}

type fakeContainer struct {
	engine.Container
	subject *fakeSubject
	id      string
	boots   []boot

	mu      sync.Mutex
	booted  int
	began   time.Time
	signals chan syscall.Signal
	stdio   engine.Stdio
	over    bool
	removed bool
}

func (c *fakeContainer) sameRun(other *fakeContainer) bool {
	return &c.boots[0] == &other.boots[0] && c.removed
}

func (c *fakeContainer) now() boot { return c.boots[min(c.booted, len(c.boots))-1] }

// age is how long the present boot has been there.
func (c *fakeContainer) age() time.Duration { return time.Since(c.began) }

func (c *fakeContainer) ID() string            { return c.id }
func (c *fakeContainer) Cgroup() engine.Cgroup { return engine.Cgroup{Name: c.id} }

func (c *fakeContainer) Start(_ context.Context, stdio engine.Stdio) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.booted++
	c.began, c.signals, c.stdio, c.over = time.Now(), make(chan syscall.Signal, 4), stdio, false
	if text := c.now().writes; text != "" {
		time.AfterFunc(c.now().listens, func() { _, _ = io.WriteString(stdio.Stdout, text) })
	}
	return nil
}

func (c *fakeContainer) Wait(ctx context.Context) (engine.Exit, error) {
	c.mu.Lock()
	now, signals := c.now(), c.signals
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.over = true; c.mu.Unlock() }()
	dies, stops := make(<-chan time.Time), make(<-chan time.Time)
	if now.dies > 0 {
		dies = time.After(now.dies)
	}
	for {
		select {
		case <-dies:
			return engine.Exit{Code: now.code}, nil
		case <-stops:
			return engine.Exit{Code: now.stopCode, Signalled: true}, nil
		case signal := <-signals:
			if signal == syscall.SIGKILL {
				return engine.Exit{Code: 137, Signalled: true}, nil
			}
			if want := c.subject.identity.StopSignal; signal != want {
				return engine.Exit{}, fmt.Errorf("signal %v, and its stop signal is %v", signal, want)
			}
			if !now.deaf {
				stops = time.After(now.stops)
			}
		case <-ctx.Done():
			return engine.Exit{}, ctx.Err()
		}
	}
}

func (c *fakeContainer) Signal(_ context.Context, signal syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.signals <- signal
	}
	return nil
}

func (c *fakeContainer) Exec(ctx context.Context, command engine.Command) (engine.Exit, error) {
	c.mu.Lock()
	now := c.now()
	c.mu.Unlock()
	if now.execHangs {
		<-ctx.Done()
		return engine.Exit{}, ctx.Err()
	}
	if now.confined && command.Privileged {
		return engine.Exit{}, &engine.RefusedError{Err: errors.New("it does not hold them")}
	}
	fmt.Fprintf(command.Stdout, "%s privileged=%v\n", command.Argv[2], command.Privileged)
	return engine.Exit{Code: now.exec}, nil
}

func (c *fakeContainer) Healthy(ctx context.Context) (bool, error) {
	c.mu.Lock()
	left := c.now().healthy - c.age()
	c.mu.Unlock()
	select {
	case <-time.After(left):
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (c *fakeContainer) Listening(context.Context) ([]scenario.Socket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.now(); b.listens > 0 && c.age() >= b.listens {
		return []scenario.Socket{{Protocol: "tcp", Port: 80}}, nil
	}
	return nil, nil
}

func (c *fakeContainer) Processes(context.Context) ([]scenario.Process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []scenario.Process{{Name: "master", UID: 0}}
	if b := c.now(); c.age() >= b.spawns && (b.loses == 0 || c.age() < b.loses) {
		all = append(all, scenario.Process{Name: "worker", UID: 33})
	}
	return all, nil
}

func (c *fakeContainer) Busy(context.Context) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().starved > 0 && c.age() < c.now().starved, nil
}

func (c *fakeContainer) CPUTime(context.Context) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.now().busy * float64(c.age())), nil
}

func (c *fakeContainer) Reach(context.Context) (engine.Reach, error) {
	return engine.Reach{Address: "127.0.0.1"}, nil
}

func (c *fakeContainer) Confinement(context.Context) ([]engine.Confinement, error) {
	return c.subject.confines, nil
}

func (c *fakeContainer) Remove(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed = true
	return nil
}

// everything is what the reference has.
var everything = engine.Conditions{Capabilities: capability.Of(capability.Chown)}

// room makes a room for runs of a fake service.
func room(s *fakeSubject, told scenario.Told) *Room {
	if s.identity.StopSignal == 0 {
		s.identity.StopSignal, s.identity.StopTimeout = syscall.SIGTERM, 10*time.Second
	}
	if s.without == nil {
		s.without = slices.Clone(s.with)
	}
	return New(Config{Subject: s, Success: ExitCode(0), Told: told, Timeout: 10 * time.Minute, Log: slog.New(slog.DiscardHandler)})
}

// run makes a run in a room.
func run(t *testing.T, m *Room, p Plan) Result {
	t.Helper()
	p.Stdout, p.Stderr = io.Discard, io.Discard
	r, err := m.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fakeModules hear of one refusal, and keep whose they were asked for.
type fakeModules struct {
	err      error
	of       []int
	listened int
	closed   int
}

func (f *fakeModules) Listen() (Listener, error) {
	f.listened++
	return f, f.err
}

func (f *fakeModules) Refused(_ context.Context, of []int) ([]observation.Refusal, bool) {
	f.of = of
	return []observation.Refusal{{PID: 1}}, true
}

func (f *fakeModules) Close() { f.closed++ }

// fakeTracer traces nothing and keeps which phases were entered.
type fakeTracer struct {
	// more are further operations that it saw.
	more []observation.Operation

	mu       sync.Mutex
	phases   []scenario.Phase
	followed int
	events   chan struct{}
}

func (f *fakeTracer) Hook() string { return "fake" }

func (f *fakeTracer) Attach(engine.Cgroup) (Trace, error) { return f, nil }

func (f *fakeTracer) Watch(engine.Cgroup) (Watch, error) { return nil, errors.New("nobody watches") }

func (f *fakeTracer) Activity(engine.Cgroup) (Activity, error) { return f, nil }

func (f *fakeTracer) Events() <-chan struct{} { return f.events }

func (f *fakeTracer) Follow(engine.Cgroup) error { f.followed++; return nil }

func (f *fakeTracer) Enter(p scenario.Phase) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.phases = append(f.phases, p)
	return nil
}

func (f *fakeTracer) Finish() (observation.Observation, error) {
	return observation.Observation{Operations: append([]observation.Operation{{Syscall: "chown", Phase: f.phases[len(f.phases)-1]}}, f.more...)}, nil
}

func (f *fakeTracer) Close() {}
