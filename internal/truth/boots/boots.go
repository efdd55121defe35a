// Package boots takes a service through its scenario by plain docker: it starts a
// container, waits until it is ready, probes it, stops it, starts it again, and starts a
// second one on the same volumes. It knows nothing of what a step may need: it sees from
// outside whether each goes as it went with everything allowed.
package boots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/testengine"
)

// Service is what is run.
type Service struct {
	Image          string
	Flags, Command []string
	// Probes are shell commands on this machine, which find the container's address in
	// CAPPROF_ADDRESS; Execs are shell commands in the container. All are to exit with 0.
	Probes, Execs []string
	// StopTimeout is after how long a stop becomes a kill; 0 is 10 s, as docker's.
	StopTimeout time.Duration
}

// Outcome is how a run went.
type Outcome struct {
	// Failed is the phase in which it did not go as it should; nil when all did.
	Failed *scenario.Phase
	// Why says what was different there.
	Why string
	// late is failure's.
	late bool
}

// Passed reports whether each step went as with everything allowed.
func (o Outcome) Passed() bool { return o.Failed == nil }

// Judge runs one service. Not for concurrent use.
type Judge struct {
	engine  *testengine.Engine
	service Service
	// volumes are where the image has volumes, and exposed are its ports.
	volumes []string
	exposed []scenario.Socket
	checked bool
	plan    []scenario.Boot
	// learned is how each boot of the plan went with everything allowed; nil before.
	learned []*boot
}

// boot is how one boot goes.
type boot struct {
	sight   sight
	stopped scenario.Stopped
	took    map[scenario.Step]time.Duration
}

// New reads what the image says of itself.
func New(ctx context.Context, e *testengine.Engine, s Service) (*Judge, error) {
	if s.StopTimeout == 0 {
		s.StopTimeout = 10 * time.Second
	}
	text, err := e.Output(ctx, "image", "inspect", "--format", "{{json .Config}}", s.Image)
	if err != nil {
		return nil, err
	}
	var config struct {
		Volumes, ExposedPorts map[string]any
		Healthcheck           *struct{ Test []string }
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return nil, fmt.Errorf("reading the configuration of %s: %w", s.Image, err)
	}
	j := &Judge{engine: e, service: s, checked: config.Healthcheck != nil}
	for target := range config.Volumes {
		j.volumes = append(j.volumes, target)
	}
	for text := range config.ExposedPorts {
		var socket scenario.Socket
		if _, err := fmt.Sscanf(text, "%d/%s", &socket.Port, &socket.Protocol); err != nil {
			return nil, fmt.Errorf("the exposed port %q: %w", text, err)
		}
		j.exposed = append(j.exposed, socket)
	}
	j.plan = scenario.Told{}.Plan(len(j.volumes) > 0)
	return j, nil
}

// failure is why a step did not go as it should.
type failure struct {
	step scenario.Step
	why  string
	// late says that it took too long, which may be the machine's doing.
	late bool
}

func (f *failure) Error() string { return string(f.step) + ": " + f.why }

func failed(step scenario.Step, format string, args ...any) error {
	return &failure{step: step, why: fmt.Sprintf(format, args...)}
}

func late(step scenario.Step, format string, args ...any) error {
	return &failure{step, fmt.Sprintf(format, args...), true}
}

// Learn runs it with everything that may be granted, which the other runs are held
// against.
func (j *Judge) Learn(ctx context.Context, all capability.Set) (Outcome, error) {
	j.learned = nil
	boots := make([]*boot, 0, len(j.plan))
	o, err := j.run(ctx, all, func(b *boot) { boots = append(boots, b) })
	if err == nil && o.Passed() {
		j.learned = boots
	}
	return o, err
}

// Run runs it with the set and nothing else, once more where it only took too long. Learn
// comes first.
func (j *Judge) Run(ctx context.Context, set capability.Set) (Outcome, error) {
	if j.learned == nil {
		return Outcome{}, errors.New("nothing is known of the run with everything allowed")
	}
	nothing := func(*boot) {}
	o, err := j.run(ctx, set, nothing)
	if err == nil && o.late {
		o, err = j.run(ctx, set, nothing)
	}
	return o, err
}

// Learned is how it went with everything allowed: on what it listened in all boots, what
// kinds of processes it had in all of them from its being ready to its stop, and how the
// first one ended.
func (j *Judge) Learned() ([]scenario.Socket, []scenario.Process, scenario.Stopped) {
	common := j.learned[0].sight
	for _, b := range j.learned {
		common = common.both(b.sight)
	}
	return common.sockets, common.processes, j.learned[0].stopped
}

func (j *Judge) run(ctx context.Context, set capability.Set, keep func(*boot)) (o Outcome, err error) {
	var service *testengine.Service
	var volumes []string
	defer func() {
		// Also after an interrupt, when ctx is of no more use.
		lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer stop()
		if service != nil {
			err = errors.Join(err, service.Remove(lasting))
		}
		err = errors.Join(err, j.engine.RemoveVolumes(lasting, volumes...))
	}()
	run := testengine.Run{Image: j.service.Image, Flags: j.service.Flags, Command: j.service.Command, Capabilities: set}
	for _, target := range j.volumes {
		volume, err := j.engine.NewVolume(ctx)
		if err != nil {
			return o, err
		}
		volumes = append(volumes, volume)
		run.Flags = append(run.Flags[:len(run.Flags):len(run.Flags)], "--volume", volume+":"+target)
	}
	for i, kind := range j.plan {
		var why string
		began := time.Now()
		if kind == scenario.Restart {
			why, err = service.Again(ctx)
		} else {
			if service != nil {
				if err := service.Remove(ctx); err != nil {
					return o, err
				}
			}
			service, why, err = j.engine.Launch(ctx, run)
		}
		var b *boot
		switch {
		case err != nil:
			return o, err
		case why != "":
			err = failed(scenario.Start, "%s", why)
		default:
			b, err = j.boot(ctx, service, i, began)
		}
		if f, ok := errors.AsType[*failure](err); ok {
			return Outcome{&scenario.Phase{Boot: kind, Step: f.step}, f.why, f.late}, nil
		}
		if err != nil {
			return o, fmt.Errorf("%s: %w", kind, err)
		}
		keep(b)
	}
	return o, nil
}

// boot takes a container that was started through the steps.
func (j *Judge) boot(ctx context.Context, s *testengine.Service, number int, began time.Time) (*boot, error) {
	b := &boot{took: map[scenario.Step]time.Duration{}}
	var want *boot
	if j.learned != nil {
		want = j.learned[number]
	}
	state, err := s.State(ctx)
	if err != nil {
		return nil, err
	}
	w := watch{service: s, init: state.State.Pid, pids: space(state.State.Pid), checked: j.checked}
	if want == nil {
		b.sight, err = w.learn(ctx, j.exposed)
		b.took[scenario.Start] = w.since.Sub(began)
	} else {
		if err = w.becomes(ctx, want.sight, limit(want.took[scenario.Start])); err == nil {
			err = w.stays(ctx, want.sight)
		}
		b.sight = want.sight
	}
	if err != nil {
		return nil, err
	}
	for _, exercise := range []struct {
		step     scenario.Step
		commands []string
		run      func(ctx context.Context, command string) (string, error)
	}{
		{scenario.Exercise, j.service.Probes, func(ctx context.Context, command string) (string, error) {
			return probe(ctx, command, s.Name, state.NetworkSettings.IPAddress)
		}},
		{scenario.Exec, j.service.Execs, s.Exec},
	} {
		if len(exercise.commands) == 0 {
			continue
		}
		start, most := time.Now(), time.Minute
		if want != nil {
			most = limit(want.took[exercise.step])
		}
		limited, stop := context.WithTimeout(ctx, most)
		for _, command := range exercise.commands {
			output, err := exercise.run(limited, command)
			switch {
			case err == nil || ctx.Err() != nil:
				continue
			case limited.Err() != nil:
				err = late(exercise.step, "%s: after %v: %s", command, most, output)
			default:
				err = failed(exercise.step, "%s: %v: %s", command, err, output)
			}
			stop()
			return nil, err
		}
		stop()
		if err := w.is(ctx, exercise.step, &b.sight, want == nil); err != nil {
			return nil, err
		}
		b.took[exercise.step] = time.Since(start)
	}
	return b, j.stop(ctx, s, b, want)
}

// stop stops the container and compares how it ended.
func (j *Judge) stop(ctx context.Context, s *testengine.Service, b, want *boot) error {
	start := time.Now()
	if err := s.Stop(ctx, j.service.StopTimeout); err != nil {
		return err
	}
	b.took[scenario.Stop] = time.Since(start)
	state, err := s.State(ctx)
	if err != nil {
		return err
	}
	// 137 is SIGKILL's, which somebody else may have sent earlier.
	b.stopped = scenario.Stopped{ExitCode: state.State.ExitCode, Killed: state.State.ExitCode == 137 && b.took[scenario.Stop] >= j.service.StopTimeout}
	if want != nil && b.stopped != want.stopped {
		return failed(scenario.Stop, "%+v, and %+v with everything", b.stopped, want.stopped)
	}
	return nil
}

// limit is how long a step may take that took so long with everything allowed.
func limit(took time.Duration) time.Duration { return 5*time.Second + 3*took }

// probe runs a probe.
func probe(ctx context.Context, command, container, address string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Env = append(os.Environ(), "CAPPROF_CONTAINER="+container, "CAPPROF_ADDRESS="+address)
	// What a probe starts may outlive it and hold its output.
	cmd.WaitDelay = time.Second
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}
