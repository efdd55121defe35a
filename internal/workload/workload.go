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

// Shared names, for people, what two runs of a workload with these options would both
// write to: named volumes, writable directories of the host, and the ports of a network
// namespace that is not the container's own. Anonymous volumes and tmpfs are made anew
// for each container.
func Shared(o Options) []string {
	var all []string
	for _, v := range o.Volumes() {
		switch {
		case v.ReadOnly() || v.Source == "":
		case v.Named():
			all = append(all, "the volume "+v.Source)
		default:
			all = append(all, "the host's "+v.Source)
		}
	}
	if o.SharesNetwork() {
		all = append(all, "the ports of --network "+o.Value("network"))
	}
	return all
}
