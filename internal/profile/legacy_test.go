package profile_test

import (
	"path/filepath"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/remedy"
)

// TestSentencesBecomeRemedies: the profiles of before had their advice in words.
func TestSentencesBecomeRemedies(t *testing.T) {
	d, err := profile.Load(filepath.Join("..", "..", "profiles", "nginx.json"))
	if err != nil {
		t.Fatal(err)
	}
	in := 0
	for _, r := range d.Required {
		for _, denial := range r.Evidence {
			for _, way := range denial.Remedies {
				if way.Kind != remedy.Text || way.Text == "" {
					t.Errorf("%s: %+v", denial.Object, way)
				}
				in++
			}
		}
	}
	if in == 0 {
		t.Error("no remedies")
	}
}
