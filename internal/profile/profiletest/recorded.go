package profiletest

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/profiles"
)

// Recorded are the recorded profiles of the repository, by the name of the program:
// documents whose sentences the product said, for golden files.
func Recorded(t testing.TB) map[string]*profile.Document {
	t.Helper()
	names, err := fs.Glob(profiles.Files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*profile.Document{}
	for _, name := range names {
		if strings.HasPrefix(name, "schema-") {
			continue
		}
		data, err := profiles.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := profile.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(name, ".json")] = d
	}
	if len(all) == 0 {
		t.Fatal("no profile is recorded")
	}
	return all
}
