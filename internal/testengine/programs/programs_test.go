package programs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/testengine/programs"
)

func TestEveryScriptIsACommand(t *testing.T) {
	names := programs.Names()
	if len(names) < 40 || !slices.IsSorted(names) {
		t.Errorf("the scripts are %q", names)
	}
	for _, name := range names {
		command, err := programs.Command(name)
		if err != nil || len(command) != 3 || command[0] != "bash" || strings.TrimSpace(command[2]) == "" {
			t.Errorf("%s: %q, %v", name, command, err)
		}
	}
	if _, err := programs.Command("nothing-like-it"); err == nil {
		t.Error("a script that is not there has a command")
	}
}
