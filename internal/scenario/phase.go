// Package scenario says what one run of a workload is: a command that ends by itself, or
// a service that is started, used, stopped and started again. It is pure: it runs
// nothing and waits for nothing.
package scenario

// Kind is what a workload is.
type Kind string

// The kinds.
const (
	// Batch is a workload that ends by itself.
	Batch Kind = "batch"
	// Service is one that runs until it is stopped.
	Service Kind = "service"
)

// Boot is one start of a container within a run.
type Boot string

// The boots.
const (
	FirstBoot Boot = "first boot"
	// Restart starts the same container again, as a restart policy does.
	Restart Boot = "restart"
	// SecondBoot, and any later one, starts a new container on the same volumes, as an
	// upgrade does.
	SecondBoot Boot = "second boot"
)

// Boots lists them, in the order of a run.
func Boots() []Boot { return []Boot{FirstBoot, Restart, SecondBoot} }

// Step is a part of a boot.
type Step string

// The steps.
const (
	// Start is from the start of the container until it is ready.
	Start Step = "start"
	// Ready is the time in which it is ready and nobody asks anything of it.
	Ready Step = "ready"
	// Exercise is the time of the probes.
	Exercise Step = "exercise"
	// Exec is the time of the commands that capprof runs inside the container. What
	// enters the container from outside meanwhile is one of them.
	Exec Step = "exec"
	// Stop is from the stop signal to the end.
	Stop Step = "stop"
)

// Steps lists them, in the order of a boot.
func Steps() []Step { return []Step{Start, Ready, Exercise, Exec, Stop} }

// Phase is a step of a boot. The zero value is a batch job's only one.
type Phase struct {
	Boot Boot `json:"boot"`
	Step Step `json:"step"`
}

// IsZero reports whether it is a batch job's.
func (p Phase) IsZero() bool { return p == Phase{} }

// String is the phase in words: "start of the first boot", "stop of the restart"; "" for
// a batch job's.
func (p Phase) String() string {
	if p.IsZero() {
		return ""
	}
	return string(p.Step) + " of the " + string(p.Boot)
}
