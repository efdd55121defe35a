// Package doctor checks what capprof needs of a machine, and tells how to fix what is
// missing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/tracer"
)

// Status says how bad a finding is.
type Status string

// The statuses.
const (
	OK   Status = "ok"
	Info Status = "info"
	Fail Status = "fail"
)

// Finding is one thing that was looked at.
type Finding struct {
	Name   string
	Status Status
	Detail string
	// Fix says what to do about a failure.
	Fix string
}

// ErrUnfit says that something that capprof needs is missing.
var ErrUnfit = errors.New("something that capprof needs is missing here; see the lines marked fail")

// Tracing reports what the tracer needs. Without it, capprof run --no-trace works.
func Tracing(features []tracer.Feature) []Finding {
	var findings []Finding
	for _, f := range features {
		finding := Finding{Name: f.Name, Status: OK, Detail: f.Detail}
		if f.Err != nil {
			finding.Status, finding.Detail = Fail, f.Err.Error()
			finding.Fix = strings.TrimPrefix(f.Fix+"; capprof run --no-trace works without tracing", "; ")
		}
		findings = append(findings, finding)
	}
	return findings
}

// Unreachable reports an engine that cannot be reached or does not answer, what to do
// about which is part of its error, or that cannot even be addressed.
func Unreachable(err error) []Finding {
	finding := Finding{Name: "engine", Status: Fail, Detail: err.Error()}
	if !errors.Is(err, engine.ErrNoEngine) && !errors.Is(err, engine.ErrSilent) {
		finding.Fix = "start Docker or Podman, or name another engine with DOCKER_HOST or CONTAINER_HOST"
	}
	return []Finding{finding}
}

// Asked is what doctor needs of an engine.
type Asked interface {
	Facts(ctx context.Context) (engine.Facts, error)
}

// Engine reports the engine and how it is set up.
func Engine(ctx context.Context, on Asked) []Finding {
	info, err := on.Facts(ctx)
	if err != nil {
		return Unreachable(err)
	}
	found := Finding{Name: "engine", Status: OK, Detail: fmt.Sprintf("%s %s at %s", info.Name, info.Version, info.Endpoint)}
	if info.Rootless {
		found.Detail += ", rootless: what the kernel asks for in the initial user namespace is out of its containers' reach"
	}
	if info.Beside != "" {
		found.Detail += fmt.Sprintf("; %s is here too: --engine %s", info.Beside, strings.ToLower(info.Beside))
	}
	findings := []Finding{found}
	if info.SameKernel {
		findings = append(findings, Finding{Name: "engine's kernel", Status: OK, Detail: info.KernelRelease + ", this one"})
	} else {
		findings = append(findings, Finding{
			Name: "engine's kernel", Status: Fail, Detail: info.WhyRemote,
			Fix: "run capprof on the engine's machine, or use capprof run --no-trace",
		})
	}
	seccomp := info.Seccomp.Name
	if seccomp == engine.Unconfined {
		seccomp = "off"
	}
	return append(findings,
		Finding{Name: "runtime", Status: Info, Detail: strings.TrimSpace(info.Runtime + " " + info.RuntimeVersion)},
		Finding{Name: "storage driver", Status: Info, Detail: info.StorageDriver},
		Finding{Name: "engine's cgroups", Status: Info, Detail: fmt.Sprintf("v%s, %s driver", info.CgroupVersion, info.CgroupDriver)},
		Finding{Name: "seccomp profile", Status: Info, Detail: seccomp},
		Finding{Name: "security modules", Status: Info, Detail: securityModules(info.SecurityModules)},
	)
}

// securityModules names the modules that confine containers.
func securityModules(modules []engine.SecurityModule) string {
	if len(modules) == 0 {
		return "none"
	}
	var names []string
	for _, module := range modules {
		names = append(names, string(module))
	}
	return strings.Join(names, ", ")
}

// Write writes the findings for a terminal of width columns, 80 when it is 0, and
// returns ErrUnfit when one of them is a failure.
func Write(w io.Writer, findings []Finding, width int) error {
	p := text.NewPage(width, false)
	const statusWidth = len(Info)
	nameWidth := 0
	failed := false
	for _, f := range findings {
		nameWidth = max(nameWidth, text.Columns(f.Name))
		failed = failed || f.Status == Fail
	}
	for _, f := range findings {
		p.Row(fmt.Sprintf("%-*s  %s", statusWidth, f.Status, f.Name), statusWidth+2+nameWidth, text.Printable(f.Detail))
		if f.Fix != "" {
			p.Row("", statusWidth+2+nameWidth, "fix: "+text.Printable(f.Fix))
		}
	}
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	if failed {
		return ErrUnfit
	}
	return nil
}
