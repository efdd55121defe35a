// Package advice says remedies in the words and options of a platform.
package advice

import (
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/text"
)

// Platform is what the workload is to run on.
type Platform string

// The platforms.
const (
	Docker     Platform = "docker"
	Compose    Platform = "compose"
	Kubernetes Platform = "kubernetes"
	Host       Platform = "host"
)

// Words says one remedy. They are printable, whatever a workload called its files.
func Words(r remedy.Remedy, _ Platform) string { return text.Printable(r.Text) }

// Sentence says remedies of which one is enough, the better first; "" for none.
func Sentence(remedies []remedy.Remedy, on Platform) string {
	var all []string
	for _, r := range remedies {
		if words := Words(r, on); words != "" && !slices.Contains(all, words) {
			all = append(all, words)
		}
	}
	return strings.Join(all, "; or ")
}

// Sentences says the remedies of several refusals, each sentence once, and counts
// the refusals for which none is known. All refusals have to be met for a
// capability to become needless.
func Sentences(refusals [][]remedy.Remedy, on Platform) (all []string, without int) {
	for _, remedies := range refusals {
		switch words := Sentence(remedies, on); {
		case words == "":
			without++
		case !slices.Contains(all, words):
			all = append(all, words)
		}
	}
	return all, without
}
