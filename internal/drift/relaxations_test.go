package drift_test

import (
	"bytes"
	"testing"

	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

// TestARelaxationIsDrift: what is needed of --privileged changed.
func TestARelaxationIsDrift(t *testing.T) {
	one, two := profiletest.WithoutPrivileged(), profiletest.WithoutPrivileged()
	one.Relaxations = one.Relaxations[:1]
	for name, c := range map[string]struct {
		old, new       *profile.Document
		added, removed int
		want           string
	}{
		"the same": {two, two, 0, 0, "no drift"},
		"added":    {one, two, 1, 0, "+ --volume /sys/kernel/mm/ksm:/sys/kernel/mm/ksm"},
		"removed":  {two, one, 0, 1, "- --volume /sys/kernel/mm/ksm:/sys/kernel/mm/ksm"},
	} {
		r := drift.Compare(c.old, c.new)
		if len(r.Added) != c.added || len(r.Removed) != c.removed || r.Drift() != (c.added+c.removed > 0) {
			t.Errorf("%s: %+v", name, r)
		}
		for _, format := range []string{"text", "markdown", "sarif", "json"} {
			var b bytes.Buffer
			write, err := drift.Lookup(format)
			if err != nil {
				t.Fatal(err)
			}
			if err := write(&b, r, drift.Options{}); err != nil {
				t.Fatal(err)
			}
			if format == "text" && !bytes.Contains(b.Bytes(), []byte(c.want)) {
				t.Errorf("%s, %s: no %q:\n%s", name, format, c.want, &b)
			}
			if c.added+c.removed > 0 && !bytes.Contains(b.Bytes(), []byte("/sys/kernel/mm/ksm")) {
				t.Errorf("%s, %s:\n%s", name, format, &b)
			}
		}
	}
}
