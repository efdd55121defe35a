package export

import (
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/profile"
)

// betterNotes say, in the words of the platform, what makes a required capability
// needless. Nothing does where one of the operations that need it has no remedy.
func betterNotes(d *profile.Document, on advice.Platform) []string {
	if !d.Verdict.Answers() {
		return nil
	}
	var notes []string
	for _, r := range d.ForCapabilities() {
		ways, without := advice.Sentences(profile.Remedies(r.Denials), on)
		if len(ways) > 0 && without == 0 {
			notes = append(notes, fmt.Sprintf("Better than granting %s: %s.", r.Grant, strings.Join(ways, "; and ")))
		}
	}
	return notes
}
