package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// TestComposeSnippetOfAService brings the printed file up: the service becomes healthy,
// again after a restart, and stays up.
func TestComposeSnippetOfAService(t *testing.T) {
	compose, err := exec.LookPath("docker-compose")
	if err != nil {
		testengine.Skip(t, testengine.NoCompose, "%v", err)
	}
	e := engineOf(t)
	images, err := testimage.Services(t.Context(), e, os.Stderr, "node")
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	t.Cleanup(func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := testimage.Remove(clean, e, images["node"]); err != nil {
			t.Error(err)
		}
	})
	result := invocation{engine: e, args: []string{"run", "--no-prove", "--format", "compose", images["node"]}}.run(t)
	result.expect(t, exitProven)
	path := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(path, []byte(result.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := func(ctx context.Context, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
		return cmd
	}
	project := fmt.Sprintf("capprofe2e%dservice", os.Getpid())
	run := func(ctx context.Context, args ...string) string {
		t.Helper()
		output, err := command(ctx, compose, append([]string{"--project-name", project, "--file", path}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker-compose %s: %v: %s\n%s", args, err, tail(output), result.stdout)
		}
		return strings.TrimSpace(string(output))
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		run(clean, "down", "--volumes", "--timeout", "0")
	}()
	events := command(ctx, "docker", "events", "--filter", "label=com.docker.compose.project="+project, "--filter", "type=container", "--format", "{{.Action}}")
	stream, err := events.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = events.Wait() // It was ended.
	}()
	lines := bufio.NewScanner(stream)
	healthy := func(when string) {
		t.Helper()
		var seen []string
		for lines.Scan() {
			seen = append(seen, lines.Text())
			switch {
			case strings.HasPrefix(lines.Text(), "health_status: healthy"):
				return
			case strings.HasPrefix(lines.Text(), "die") && when == "after its start":
				t.Fatalf("it ended %s: %q\n%s", when, seen, result.stdout)
			}
		}
		t.Fatalf("it is not healthy %s: %q, %v\n%s", when, seen, ctx.Err(), result.stdout)
	}
	run(ctx, "up", "--detach")
	healthy("after its start")
	run(ctx, "restart")
	healthy("after a restart")
	id := run(ctx, "ps", "--quiet")
	state, err := command(ctx, "docker", "inspect", "--format", "{{.State.Running}} {{.RestartCount}}", id).Output()
	if got := strings.TrimSpace(string(state)); err != nil || got != "true 0" {
		t.Errorf("running, and starts since: %q, %v", got, err)
	}
}
