package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/seccomp"
	"github.com/capprof/capprof/internal/workload"
)

// fakeEngine runs programs of the tests' own kernel. It is Engine and Tracer.
type fakeEngine struct {
	t       testing.TB
	program program
	info    engine.Facts
	// identity is what every workload is resolved to.
	identity engine.Identity

	// unknown capabilities are refused by name at the creation, unheld ones without
	// a name at the start. withdraws refuses a container by its number too.
	unknown, unheld capability.Set
	withdraws       func(number int, set capability.Set) bool
	// onCreate, onRun and onFinish are called on the way with a container's number;
	// an error is the engine's.
	onCreate, onRun, onFinish func(number int) error
	// removing is how long that takes, removeErr how it ends.
	removing  time.Duration
	removeErr error
	// dataErr is why there is no data, dataRemoveErr why it stays.
	dataErr, dataRemoveErr error
	// losses are those of each traced run, or of those that lose counts.
	losses observation.Losses
	loses  func(number int) bool
	// blind tells the runs, by their set, of which no trace and no watch sees anything.
	blind func(capability.Set) bool
	// confines is what its containers are under, but for what their options lift.
	confines []engine.Confinement
	// untakable is an option that it refuses.
	untakable string
	// sysctls are those of a container that says nothing else.
	sysctls map[string]string

	mu         sync.Mutex
	containers []*fakeContainer
	// data is that of each run.
	data     []*fakeData
	running  int
	together int // the most containers that ever ran at one time
	attached int
	closed   int
}

// dockerSeccomp is the profile of the Docker whose version the fake has.
var dockerSeccomp = engine.Seccomp{Name: "default", Filter: seccomp.Default("20.10.24")}

// dockerSysctls are those that it sets.
var dockerSysctls = map[string]string{observation.UnprivilegedPortStart: "0", observation.PingGroupRange: "0 2147483647"}

func newEngine(t testing.TB, p program) *fakeEngine {
	return &fakeEngine{
		t: t, program: p, info: engine.Facts{Name: "Fake", Version: "20.10.24", Architecture: "amd64", KernelRelease: "6.18", SameKernel: true, Seccomp: engine.Seccomp{Name: engine.Unconfined}, Sysctls: dockerSysctls},
		sysctls:  dockerSysctls,
		identity: engine.Identity{Reference: "image:latest", ID: "sha256:1", Argv: []string{"/bin/program"}, StopSignal: syscall.SIGTERM, StopTimeout: 10 * time.Second},
	}
}

func (e *fakeEngine) Facts(ctx context.Context) (engine.Facts, error) { return e.info, ctx.Err() }

func (e *fakeEngine) Prepare(ctx context.Context, w workload.Spec, progress io.Writer) (engine.Subject, error) {
	fmt.Fprintln(progress, "pulling")
	identity := e.identity
	if identity.Seccomp.Name == "" {
		identity.Seccomp = e.info.Seccomp
	}
	return &fakeSubject{e, w, identity}, ctx.Err()
}

func (e *fakeEngine) Describe(context.Context, string) (engine.Description, error) {
	return engine.Description{}, errors.ErrUnsupported
}

func (e *fakeEngine) RemoveLeftovers(context.Context) ([]string, error) { return nil, nil }

func (e *fakeEngine) Close() error { return nil }

// fakeSubject is a workload on a fakeEngine.
type fakeSubject struct {
	*fakeEngine
	spec     workload.Spec
	resolved engine.Identity
}

func (s *fakeSubject) Identity() engine.Identity { return s.resolved }

func (s *fakeSubject) Grantable(_ context.Context, ask capability.Set) (capability.Set, error) {
	return ask.Minus(s.unknown).Minus(s.unheld), nil
}

func (s *fakeSubject) Create(ctx context.Context, conditions engine.Conditions) (engine.Container, error) {
	e, grant, w := s.fakeEngine, conditions.Capabilities, s.spec.With(conditions.Options...)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if named := grant.Intersect(e.unknown); !named.Empty() {
		return nil, &engine.RefusedError{Refused: named, Err: errors.New("unknown capability")}
	}
	options := takenOptions(w)
	if slices.Contains(options, e.untakable) {
		return nil, fmt.Errorf("%w: %s", engine.ErrBadWorkload, e.untakable)
	}
	e.mu.Lock()
	c := &fakeContainer{engine: e, number: len(e.containers) + 1, set: grant, options: options, interactive: w.Options.Bool("interactive"), sysctls: maps.Clone(e.sysctls), killed: make(chan syscall.Signal, 1)}
	maps.Copy(c.sysctls, w.Options.Sysctls())
	e.containers = append(e.containers, c)
	data := conditions.Data.(*fakeData)
	data.containers = append(data.containers, c)
	e.mu.Unlock()
	if e.onCreate != nil {
		if err := e.onCreate(c.number); err != nil {
			c.removed = 1 // it was never made
			return nil, err
		}
	}
	return c, nil
}

// takenOptions are a workload's options that open something.
func takenOptions(w workload.Spec) []string {
	var options []string
	for _, name := range []string{"cgroupns", "device", "device-cgroup-rule", "security-opt", "sysctl", "volume"} {
		for _, value := range w.Options.Values(name) {
			options = append(options, workload.Setting{Name: name, Value: value}.String())
		}
	}
	return options
}

type fakeContainer struct {
	engine      *fakeEngine
	number      int
	set         capability.Set
	interactive bool
	sysctls     map[string]string
	options     []string
	killed      chan syscall.Signal
	stdio       engine.Stdio
	began       time.Time
	// over is when the program ends, with that code; nil before it has begun.
	over <-chan time.Time
	code int
	// serves says that it does nothing until it is stopped.
	serves bool

	mu      sync.Mutex
	started bool
	ended   bool
	removed int
	ops     []observation.Operation
	phase   scenario.Phase
	uses    map[string]uint64
}

func (c *fakeContainer) ID() string            { return fmt.Sprintf("%064d", c.number) }
func (c *fakeContainer) Cgroup() engine.Cgroup { return engine.Cgroup{Name: c.ID()} }

func (c *fakeContainer) FileCapabilities(_ context.Context, path string) (capability.Set, error) {
	if path != "/bin/program" {
		return 0, fmt.Errorf("asked for the file capabilities of %q", path)
	}
	return c.engine.program.fileCaps, nil
}

func (c *fakeContainer) Signal(_ context.Context, signal syscall.Signal) error {
	c.killed <- signal
	return nil
}

func (c *fakeContainer) Exec(context.Context, engine.Command) (engine.Exit, error) {
	return engine.Exit{}, errors.New("nothing runs a command in it")
}

func (c *fakeContainer) Healthy(context.Context) (bool, error) {
	return false, errors.New("it has no health check")
}

func (c *fakeContainer) Processes(context.Context) ([]scenario.Process, error) {
	return nil, engine.ErrUnseen
}

func (c *fakeContainer) Listening(context.Context) ([]scenario.Socket, error) {
	return nil, engine.ErrUnseen
}

func (c *fakeContainer) Busy(context.Context) (bool, error) { return false, engine.ErrUnseen }

// CPUTime is that of a program that is busy all the time, unless it serves.
func (c *fakeContainer) CPUTime(context.Context) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serves {
		return 0, nil
	}
	return time.Since(c.began), nil
}

func (c *fakeContainer) Reach(context.Context) (engine.Reach, error) { return engine.Reach{}, nil }

func (c *fakeContainer) Confinement(context.Context) ([]engine.Confinement, error) {
	if slices.Contains(c.options, noAppArmor) {
		return nil, nil
	}
	return c.engine.confines, nil
}

func (c *fakeContainer) Remove(ctx context.Context) error {
	select {
	case <-time.After(c.engine.removing):
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed++
	return c.engine.removeErr
}

// Start starts the program, which then runs in Wait.
func (c *fakeContainer) Start(ctx context.Context, stdio engine.Stdio) (err error) {
	e := c.engine
	e.mu.Lock()
	e.running++
	e.together = max(e.together, e.running)
	e.mu.Unlock()
	defer func() {
		if err != nil {
			c.end()
		}
	}()
	c.mu.Lock()
	c.started, c.ended, c.stdio, c.began, c.over = true, false, stdio, time.Now(), nil
	c.mu.Unlock()
	if e.onRun != nil {
		if err := e.onRun(c.number); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !c.set.Intersect(e.unheld).Empty() || e.withdraws != nil && e.withdraws(c.number, c.set) {
		return &engine.RefusedError{Err: errors.New("unable to apply caps")}
	}
	p := e.program
	if p.start != nil {
		if failure := p.start(c.set); failure != nil {
			return failure
		}
	}
	if !c.set.Contains(p.fileCaps) {
		c.ops = append(c.ops, refusedExec(c.set))
		return &engine.StartError{Code: 126, Permission: true, Err: errors.New("operation not permitted")}
	}
	if (stdio.Stdin != nil) != c.interactive {
		e.t.Errorf("run %d: standard input given: %v, asked for: %v", c.number, stdio.Stdin != nil, c.interactive)
	}
	return nil
}

func (c *fakeContainer) end() {
	c.engine.mu.Lock()
	c.engine.running--
	c.engine.mu.Unlock()
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
}

func (c *fakeContainer) Wait(ctx context.Context) (engine.Exit, error) {
	if c.over == nil {
		code, err := c.begin()
		if err != nil || code != 0 {
			c.end()
			return engine.Exit{Code: code}, err
		}
	}
	select {
	case <-c.over:
		c.end()
		return engine.Exit{Code: c.code}, nil
	case <-ctx.Done():
		return engine.Exit{}, ctx.Err()
	case signal := <-c.killed:
		c.end()
		if c.serves && signal == syscall.SIGTERM {
			return engine.Exit{Signalled: true}, nil
		}
		return engine.Exit{Code: 137, Signalled: true}, nil
	}
}

// begin runs the program up to where it takes time; the code is that of one that ends
// before.
func (c *fakeContainer) begin() (int, error) {
	p := c.engine.program
	if p.reads != "" {
		input, err := io.ReadAll(c.stdio.Stdin)
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return 0, err
		}
		if string(input) != p.reads {
			fmt.Fprintf(c.stdio.Stderr, "got %q\n", input)
			return 9, nil
		}
	}
	f := p.run(c.number, c.set, c.sysctls, c.options)
	c.mu.Lock()
	for i := range f.ops {
		f.ops[i].Phase = c.phase
	}
	c.ops, c.uses = append(c.ops, f.ops...), f.uses
	c.mu.Unlock()
	io.WriteString(c.stdio.Stderr, p.output)
	c.code, c.over = f.code, make(<-chan time.Time)
	c.serves = f.serves
	if !f.hangs && !f.serves {
		c.over = time.After(f.takes)
	}
	return 0, nil
}
