// Package workload is what is run, in the words of docker run: an image, a command and
// the options of one table.
package workload

// Spec is a container to run, in the terms of docker run.
type Spec struct {
	Image string
	// Command replaces the image's command when it is not empty.
	Command []string
	Options Options
}

// With is the workload with further options; see Options.With.
func (s Spec) With(settings ...Setting) Spec {
	s.Options = s.Options.With(settings...)
	return s
}
