package export

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile/profiletest"
)

// TestAFileInPlaceOfAnInlineSeccompProfile: docker run and Compose take a path.
func TestAFileInPlaceOfAnInlineSeccompProfile(t *testing.T) {
	d := profiletest.Proven()
	d.Workload.Options = d.Workload.Options.Set("security-opt", "no-new-privileges", `seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`)
	for name, exporter := range map[string]Exporter{"docker": docker{}, "compose": compose{}} {
		var b strings.Builder
		if err := exporter.Export(&b, d); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); !strings.Contains(text, "seccomp=seccomp.json") || !strings.Contains(text, "no-new-privileges") ||
			!strings.Contains(text, "own seccomp profile") || strings.Contains(text, "SCMP") {
			t.Errorf("%s:\n%s", name, text)
		}
		d := profiletest.Proven()
		d.Workload.Options = d.Workload.Options.Set("security-opt", "seccomp=/my/file.json")
		b.Reset()
		if err := exporter.Export(&b, d); err != nil || strings.Contains(b.String(), "own seccomp profile") || !strings.Contains(b.String(), "/my/file.json") {
			t.Errorf("%s, %v:\n%s", name, err, b.String())
		}
	}
}
