// Package ownertest makes owners for tests.
package ownertest

import (
	"os/exec"
	"testing"

	"github.com/capprof/capprof/internal/owner"
)

// Dead is a process that has ended.
func Dead(t testing.TB) owner.Owner {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead, err := owner.Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return dead
}
