package engine

import (
	"slices"

	"github.com/capprof/capprof/internal/workload"
)

// Description is an existing container, of whatever tool's making, as a workload.
type Description struct {
	// Name is the container's own, ID the engine's full identifier.
	Name, ID string
	// Workload makes a container like it: its image, by name where the name still stands
	// for the image that the container has, and by ID otherwise; and of command and
	// options what it does not have from the image or the engine.
	Workload workload.Spec
	// Leading are those words at the beginning of Workload.Command that belong to its
	// entrypoint, of which docker run's option takes one word.
	Leading []string
	// Anonymous mounts the container's own anonymous volumes, by the names that the
	// engine gave them. Workload has fresh ones in their places.
	Anonymous []workload.Setting
	// Writes are the host's directories that the container's processes can write while
	// they run; none when it does not run.
	Writes []string
	// Notes say, a sentence each, what of the container a copy must not or cannot have.
	Notes []string
}

// Like is the workload with another image, another command or both, "" and nil for the
// container's own. A command takes the place of the container's, not of its entrypoint.
func (d Description) Like(image string, command []string) workload.Spec {
	w := d.Workload
	if image != "" {
		w.Image = image
	}
	if len(command) > 0 {
		w.Command = slices.Concat(d.Leading, command)
	}
	return w
}
