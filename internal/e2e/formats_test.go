package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/capprof/capprof/internal/testengine"
)

// snippet profiles the workload and returns what --format prints.
func snippet(t *testing.T, e *testengine.Engine, w workload, format string) string {
	t.Helper()
	// That the set is minimal is TestPrograms' to show.
	args := append([]string{"run", "--no-prove", "--format", format}, w.capprofFlags()...)
	args = append(append(args, imageOf(t, w.image), "--"), w.argv(t)...)
	result := invocation{engine: e, args: args, stdin: w.stdin}.run(t)
	result.expect(t, exitProven)
	return result.stdout
}

// exported are the workloads whose snippets are run again: several capabilities,
// none, an argument that a shell would mangle, a sysctl, an image's own command.
var exported = []string{"op-staged", "op-nothing", "nginx-stdout", "op-bind-1024", "file-capabilities-user"}

// TestDockerSnippet runs the printed command in a shell, as it is.
func TestDockerSnippet(t *testing.T) {
	e := engineOf(t)
	for _, name := range exported {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := snippet(t, e, named(t, name), "docker")
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			// All that is added is --rm, for cleanliness.
			script := `docker() { shift; command docker run --rm "$@"; }` + "\n" + text
			cmd := exec.CommandContext(ctx, "sh", "-ec", script)
			cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("the command fails: %v: %s\n%s", err, tail(output), text)
			}
		})
	}
}

// TestComposeSnippet runs the printed file with docker-compose.
func TestComposeSnippet(t *testing.T) {
	compose, err := exec.LookPath("docker-compose")
	if err != nil {
		testengine.Skip(t, testengine.NoCompose, "%v", err)
	}
	e := engineOf(t)
	for i, name := range exported {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := snippet(t, e, named(t, name), "compose")
			path := filepath.Join(t.TempDir(), "compose.yaml")
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			run := func(ctx context.Context, args ...string) (string, error) {
				project := fmt.Sprintf("capprofe2e%dx%d", os.Getpid(), i)
				cmd := exec.CommandContext(ctx, compose, append([]string{"--project-name", project, "--file", path}, args...)...)
				cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
				output, err := cmd.CombinedOutput()
				return string(output), err
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			defer func() {
				clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
				defer cancel()
				if output, err := run(clean, "down", "--volumes", "--timeout", "0"); err != nil {
					t.Errorf("taking the project down: %v: %s", err, tail([]byte(output)))
				}
			}()
			services, err := run(ctx, "config", "--services")
			if err != nil {
				t.Fatalf("docker-compose refuses the file: %v: %s\n%s", err, services, text)
			}
			service := strings.TrimSpace(services)
			if output, err := run(ctx, "up", "--no-color", "--exit-code-from", service); err != nil {
				t.Errorf("the service fails: %v: %s\n%s", err, tail([]byte(output)), text)
			}
		})
	}
}

// TestKubernetesSnippet decodes the printed securityContext as the API server
// would and runs the workload with what it grants.
func TestKubernetesSnippet(t *testing.T) {
	e := engineOf(t)
	for _, name := range exported {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := named(t, name)
			text := snippet(t, e, w, "k8s")
			var container struct {
				SecurityContext *corev1.SecurityContext `json:"securityContext"`
			}
			if err := yaml.UnmarshalStrict([]byte(text), &container); err != nil || container.SecurityContext == nil {
				t.Fatalf("no securityContext: %v\n%s", err, text)
			}
			granted := container.SecurityContext.Capabilities
			if granted == nil || len(granted.Drop) != 1 || granted.Drop[0] != "ALL" {
				t.Fatalf("not everything is dropped:\n%s", text)
			}
			var set []string
			for _, c := range granted.Add {
				set = append(set, string(c))
			}
			if !passes(t, e, w, set) {
				t.Errorf("the workload fails with %v", set)
			}
		})
	}
}
