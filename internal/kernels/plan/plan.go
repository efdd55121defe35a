// Package plan is what the machines of the matrix are asked, and what they answer.
package plan

import "encoding/json"

// The files in the directory that a machine shares.
const (
	// File is a Plan.
	File = "plan.json"
	// Capprof is the program under test, Tests are those of its tracer, Inside is what
	// follows the plan.
	Capprof, Tests, Inside = "capprof", "tracer.test", "inside"
	// Image is the archive of the root file system that the cases run in.
	Image = "image.tar"
)

// Mark begins a line of the machine's output that is an Answer: it is known as soon as it is
// there, whatever becomes of the machine.
const Mark = "answer: "

// Reference is the image made of Image, in full: Podman's API takes a short name for one of
// docker.io's, and its command for one of localhost's.
const Reference = "docker.io/library/capprof-kernels"

// Plan is what one machine does, in this order.
type Plan struct {
	// RunTests says that the tracer's tests are run, but for those that SkipTests matches.
	RunTests  bool   `json:"runTests"`
	SkipTests string `json:"skipTests"`
	// Setups are in an order that changes engines seldom.
	Setups []Setup `json:"setups"`
}

// Engine is a container engine and how it is set up.
type Engine struct {
	// Kind is "docker" or "podman".
	Kind string `json:"kind"`
	// Runtime is Podman's: "crun" or "runc".
	Runtime string `json:"runtime,omitempty"`
	// ContainerdStore says that Docker keeps images in containerd.
	ContainerdStore bool `json:"containerdStore,omitempty"`
	// Rootless says that it is an ordinary user's.
	Rootless bool `json:"rootless,omitempty"`
}

// String is the engine in a word.
func (e Engine) String() string {
	name := e.Kind
	if e.Runtime != "" {
		name += "-" + e.Runtime
	}
	if e.ContainerdStore {
		name += "-containerd"
	}
	if e.Rootless {
		name += "-rootless"
	}
	return name
}

// Setup is an engine and a way to trace, under which cases are run.
type Setup struct {
	Engine Engine `json:"engine"`
	// Flags are capprof's, such as those that choose the hook.
	Flags []string `json:"flags"`
	Cases []Case   `json:"cases"`
}

// Case is a workload: what stands after "capprof run" and the flags of its setup.
type Case struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
}

// Answer is what came of a case or, without a case, of the setup as a whole or of the tests.
type Answer struct {
	// Setup is the index of the setup, -1 for the tests.
	Setup int    `json:"setup"`
	Case  string `json:"case,omitempty"`
	// Problem says why there is no answer.
	Problem string `json:"problem,omitempty"`
	// Version is the engine's, in the answer of a setup.
	Version string `json:"version,omitempty"`
	// Exit is the exit code of capprof or of the tests, and Said the end of what they wrote.
	Exit int    `json:"exit"`
	Said string `json:"said,omitempty"`
	// Profile is what capprof wrote, if it did.
	Profile json.RawMessage `json:"profile,omitempty"`
	Seconds float64         `json:"seconds"`
}
