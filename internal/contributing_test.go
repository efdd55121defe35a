package internal

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestContributingNamesWhatIsThere: the paths that lead a newcomer through the house
// exist, but for the one that is meant to be made.
func TestContributingNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	toBeMade := "internal/engine/podman"
	found := 0
	for _, match := range regexp.MustCompile("`((?:internal|bpf|profiles|cmd)/[^` *]+)`").FindAllStringSubmatch(string(text), -1) {
		if path := match[1]; path != toBeMade && !strings.Contains(path, "NAME") {
			found++
			if _, err := os.Stat("../" + path); err != nil {
				t.Errorf("CONTRIBUTING.md leads to %s: %v", path, err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d paths were found in CONTRIBUTING.md", found)
	}
}
