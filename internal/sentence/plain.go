package sentence

import (
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/profile"
)

// Platform is what the workload was run on, in the words of which advice is given.
func Platform(d *profile.Document) advice.Platform {
	if d.Plain() {
		return advice.Host
	}
	return advice.Docker
}

// DropIn are the lines of a systemd service that give the set of plain processes, and no
// more: what root's programs may have, and what a user's get. An empty list takes away what
// the service has so far, to which others are added (systemd.exec(5)).
func DropIn(d *profile.Document) []string {
	names := strings.Join(d.Capabilities.Required.Names(), " ")
	var lines []string
	for _, directive := range []string{"CapabilityBoundingSet=", "AmbientCapabilities="} {
		lines = append(lines, directive)
		if names != "" {
			lines = append(lines, directive+names)
		}
		if d.StartsAsRoot() {
			break // its programs hold what is in the bounding set
		}
	}
	return lines
}
