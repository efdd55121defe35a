package profile

import "github.com/capprof/capprof/internal/workload"

// Workload is what was run.
type Workload struct {
	Image Image `json:"image"`
	// Command replaces the image's command; empty for the image's own.
	Command []string `json:"command"`
	// Options are those of docker run. cap-add, cap-drop and privileged are today's
	// flags, which set the baseline.
	Options workload.Options `json:"options"`
	// Data says what each run found in the volumes and the host's directories that the
	// options name; "" where they name none, or where it is not known: then it was the
	// user's own.
	Data workload.DataPolicy `json:"data,omitempty"`
	// ExpectExit is the exit code that counts as success.
	ExpectExit int `json:"expectExit"`
}

// Image identifies what was run.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	// Digest is empty for an image that only exists locally.
	Digest string `json:"digest,omitempty"`
}

// WithoutPrivileged is the workload as the answer runs it: with the relaxations, and
// without --privileged.
func (d *Document) WithoutPrivileged() Workload {
	w := d.Workload
	w.Options = w.Options.With(d.Relaxations...).Set("privileged")
	return w
}
