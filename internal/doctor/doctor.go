// Package doctor looks at what capprof needs of a machine and says how to mend
// what is missing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

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
var ErrUnfit = errors.New("this machine lacks something that capprof needs")

// Tracing reports what the tracer needs. Without it, capprof run --no-trace works.
func Tracing() []Finding {
	var findings []Finding
	for _, f := range tracer.Diagnose() {
		finding := Finding{Name: f.Name, Status: OK, Detail: f.Detail}
		if f.Err != nil {
			finding.Status, finding.Detail = Fail, f.Err.Error()
			finding.Fix = strings.TrimPrefix(f.Cure+"; capprof run --no-trace works without tracing", "; ")
		}
		findings = append(findings, finding)
	}
	return findings
}

// Unreachable reports an engine that cannot even be addressed.
func Unreachable(err error) []Finding {
	return []Finding{{Name: "engine", Status: Fail, Detail: err.Error(), Fix: "start Docker, or name another engine with DOCKER_HOST"}}
}

// Engine reports the engine and how it is set up.
func Engine(ctx context.Context, on engine.Engine) []Finding {
	info, err := on.Facts(ctx)
	if err != nil {
		return Unreachable(err)
	}
	findings := []Finding{{Name: "engine", Status: OK, Detail: fmt.Sprintf("%s %s at %s", info.Name, info.Version, info.Endpoint)}}
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

// Write writes the findings and returns ErrUnfit when one of them is a failure.
func Write(w io.Writer, findings []Finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	failed := false
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.Name, text.Printable(f.Detail))
		if f.Fix != "" {
			fmt.Fprintf(table, "\t\tfix: %s\n", text.Printable(f.Fix))
		}
		failed = failed || f.Status == Fail
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	if failed {
		return ErrUnfit
	}
	return nil
}
