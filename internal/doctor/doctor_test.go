package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/doctor"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/tracer"
)

// fake is an engine that says what it is told to.
type fake struct {
	facts engine.Facts
	err   error
}

func (f fake) Facts(context.Context) (engine.Facts, error) { return f.facts, f.err }

func healthy() engine.Facts {
	return engine.Facts{
		Name: "Docker", Version: "27.1", Endpoint: "unix:///run/docker.sock", Runtime: "runc", RuntimeVersion: "1.1.5",
		StorageDriver: "overlay2", CgroupVersion: "2", CgroupDriver: "systemd", KernelRelease: "6.18.0", SameKernel: true,
		Seccomp: engine.Seccomp{Name: "default"}, SecurityModules: []engine.SecurityModule{engine.AppArmor},
	}
}

func written(t *testing.T, findings []doctor.Finding, width int) (string, error) {
	t.Helper()
	var b bytes.Buffer
	err := doctor.Write(&b, findings, width)
	return b.String(), err
}

func TestAMachineThatIsFit(t *testing.T) {
	features := []tracer.Feature{{Name: "BTF", Detail: "/sys/kernel/btf/vmlinux"}, {Name: "cgroups", Detail: "v2"}}
	got, err := written(t, append(doctor.Tracing(features), doctor.Engine(t.Context(), fake{facts: healthy()})...), 0)
	const want = `  ok    BTF               /sys/kernel/btf/vmlinux
  ok    cgroups           v2
  ok    engine            Docker 27.1 at unix:///run/docker.sock
  ok    engine's kernel   6.18.0, this one
  info  runtime           runc 1.1.5
  info  storage driver    overlay2
  info  engine's cgroups  v2, systemd driver
  info  seccomp profile   default
  info  security modules  apparmor
`
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant:\n%s", err, got, want)
	}
}

func TestWhatIsMissingIsToldWithItsFix(t *testing.T) {
	far := healthy()
	far.SameKernel, far.WhyRemote, far.Seccomp.Name, far.SecurityModules = false, "it is on another machine", engine.Unconfined, nil
	for _, c := range []struct {
		name     string
		findings []doctor.Finding
		want     string
	}{
		{
			"a kernel feature", doctor.Tracing([]tracer.Feature{{Name: "BTF", Err: errors.New("no such file"), Fix: "build the kernel with it"}}),
			"fail  BTF  no such file\nfix: build the kernel with it; capprof run --no-trace works without tracing\n",
		},
		{
			"a kernel feature without a fix", doctor.Tracing([]tracer.Feature{{Name: "BTF", Err: errors.New("broken")}}),
			"fail  BTF  broken\nfix: capprof run --no-trace works without tracing\n",
		},
		{
			"an engine whose error says what to do", doctor.Engine(t.Context(), fake{err: fmt.Errorf("%w: no permission: join the group", engine.ErrNoEngine)}),
			"fail  engine  no container engine: no permission: join the group\n",
		},
		{
			"an engine that does not answer", doctor.Engine(t.Context(), fake{err: fmt.Errorf("%w for 1m0s; restart it", engine.ErrSilent)}),
			"fail  engine  the engine does not answer for 1m0s; restart it\n",
		},
		{
			"an engine whose error does not", doctor.Engine(t.Context(), fake{err: errors.New("internal error")}),
			"fail  engine  internal error\nfix: start Docker or Podman, or name another engine with DOCKER_HOST or CONTAINER_HOST\n",
		},
		{
			"an engine on another kernel", doctor.Engine(t.Context(), fake{facts: far})[1:2],
			"fail  engine's kernel  it is on another machine\nfix: run capprof on the engine's machine, or use capprof run --no-trace\n",
		},
		{"no seccomp, no modules", doctor.Engine(t.Context(), fake{facts: far})[5:], "info  seccomp profile   off\ninfo  security modules  none\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := written(t, c.findings, 200)
			var lines strings.Builder
			for line := range strings.Lines(got) {
				lines.WriteString(strings.TrimLeft(line, " "))
			}
			if fails := strings.Contains(c.want, "fail"); lines.String() != c.want || errors.Is(err, doctor.ErrUnfit) != fails {
				t.Errorf("%v\n%s\nwant:\n%s", err, got, c.want)
			}
		})
	}
}

// TestFindingsFitTheTerminal: what an engine says of itself is long, and not ours.
func TestFindingsFitTheTerminal(t *testing.T) {
	got, _ := written(t, doctor.Unreachable(errors.New(strings.Repeat("no answer ", 30)+"\x1b[2J")), 60)
	for line := range strings.Lines(got) {
		if len(line) > 61 || strings.Contains(line, "\x1b") {
			t.Errorf("%q", line)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAWriteErrorIsReported(t *testing.T) {
	if err := doctor.Write(full{}, doctor.Unreachable(errors.New("x")), 0); err == nil || errors.Is(err, doctor.ErrUnfit) {
		t.Errorf("%v", err)
	}
}
