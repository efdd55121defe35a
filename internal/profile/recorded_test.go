package profile_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/capprof/capprof/internal/profile"
)

var update = flag.Bool("update", false, "bring the recorded profiles forward")

// The profiles in the repository are what this code writes.
func TestRecordedProfilesAreOfThisVersion(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "profiles", "*.json"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		if filepath.Base(path) == "schema-v2.json" {
			continue
		}
		d, err := profile.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := profile.Save(t.Context(), path, d); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, encode(t, d)) {
			t.Errorf("%s is not as this code writes it (-update does)", path)
		}
		if err := validateSchema(data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
