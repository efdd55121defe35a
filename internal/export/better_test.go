package export_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/export"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/remedy"
)

// Each format says what is better in its own platform's words.
func TestBetterWaysAreThePlatforms(t *testing.T) {
	d := profiletest.Proven()
	need := grant.Capability(capability.Chown)
	for i := range d.Requirements {
		r := &d.Requirements[i]
		if r.Grant != need {
			for j := range r.Denials {
				r.Denials[j].Remedies = nil
			}
			continue
		}
		for j := range r.Denials {
			r.Denials[j].Remedies = []remedy.Remedy{{Kind: remedy.Limit, Name: "memlock", Value: "-1"}}
		}
	}
	if _, ok := d.Requirement(need); !ok {
		t.Fatalf("the sample does not require %s", need)
	}
	for format, c := range map[string]struct{ says, lacks string }{
		"docker":  {"--ulimit memlock=-1", "ulimits:"},
		"compose": {"ulimits: memlock: -1", "--ulimit"},
		"k8s":     {"the limit memlock in the container runtime", "--ulimit"},
	} {
		var b bytes.Buffer
		exporter, err := export.Lookup(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := exporter.Export(&b, d); err != nil {
			t.Fatal(err)
		}
		said := strings.Join(strings.Fields(strings.ReplaceAll(b.String(), "#", "")), " ")
		if !strings.Contains(said, "Better than granting CHOWN: raise the limit") || !strings.Contains(said, c.says) || strings.Contains(said, c.lacks) {
			t.Errorf("%s: %s", format, said)
		}
		if n := strings.Count(said, "Better than granting"); n != 1 {
			t.Errorf("%s: %d capabilities have a better way, and one does", format, n)
		}
	}
}
