package e2e

import (
	"context"
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
)

var record = flag.Bool("record", false, "record the profiles of well-known programs anew")

// profilesDir is where the recorded profiles are.
const profilesDir = "../../profiles"

// recorded are the workloads whose profiles are kept.
var recorded = []string{"nginx", "redis-gosu", "ping", "tcpdump", "su", "sudo", "sshd", "ip-addr", "npm-test"}

// recordedImage is the image's name in the profiles: that of the tests changes.
const recordedImage = "capprof-test/debian:bookworm"

// TestRecordedProfiles holds the profiles that come with capprof against the table.
// With -record it records them first.
func TestRecordedProfiles(t *testing.T) {
	keepsEngineClean(t)
	if *record {
		recordProfiles(t)
	}
	var names []string
	for _, name := range recorded {
		w := named(t, name)
		document, err := profile.Load(filepath.Join(profilesDir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		checkProven(t, w, *document)
		if document.Workload.Image.Reference != recordedImage {
			t.Errorf("%s: image %s", name, document.Workload.Image.Reference)
		}
		names = append(names, name+".json")
	}
	files, err := filepath.Glob(filepath.Join(profilesDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if base := filepath.Base(file); !strings.HasPrefix(base, "schema-") && !slices.Contains(names, base) {
			t.Errorf("%s is no recorded profile", base)
		}
	}
}

func recordProfiles(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	e := engineOf(t)
	if _, err := e.Output(ctx, "tag", imageOf(t, debian), recordedImage); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := e.Output(ctx, "rmi", recordedImage); err != nil {
			t.Error(err)
		}
	})
	for _, name := range recorded {
		w := named(t, name)
		args := append([]string{"run", "-o", filepath.Join(profilesDir, name+".json")}, w.capprofFlags()...)
		args = append(append(args, recordedImage, "--"), w.argv(t)...)
		result := invocation{engine: e, args: args}.run(t)
		result.expect(t, exitProven)
	}
}
