package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/testengine"
)

// idle is the command of a container that runs until it is told to stop.
const idle = `trap "exit 0" TERM; while :; do sleep 0.1; done`

// about is what must be the same of a container that was only looked at.
func about(t *testing.T, e *testengine.Engine, name string) string {
	t.Helper()
	text, err := e.Output(t.Context(), "inspect", "--format",
		`{{.Id}} {{.Name}} {{.State.Status}} {{.State.Pid}} {{.State.StartedAt}} {{.State.FinishedAt}} {{.RestartCount}} {{json .HostConfig}} {{json .Config}} {{json .NetworkSettings.Networks}}`, name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// optionsOf are the options of a profile as JSON.
func optionsOf(t *testing.T, d profile.Document) map[string]any {
	t.Helper()
	text, err := json.Marshal(d.Workload.Options)
	if err != nil {
		t.Fatal(err)
	}
	var options map[string]any
	if err := json.Unmarshal(text, &options); err != nil {
		t.Fatal(err)
	}
	// The order of these two means nothing, and docker-compose has none.
	for _, name := range []string{"env", "volume"} {
		if list, ok := options[name].([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	return options
}

// like profiles an existing container.
func like(t *testing.T, e *testengine.Engine, args ...string) (ended, profile.Document) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	result := invocation{engine: e, args: append([]string{"run", "--no-prove", "--output", path}, args...)}.run(t)
	result.expect(t, exitProven)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return result, decodeStrictly(t, text)
}

// TestLikeAContainer: the copy has what the original was made with and what is given
// beside it, and the original, which runs or not, stays as it is.
func TestLikeAContainer(t *testing.T) {
	e := engineOf(t)
	for _, state := range []string{"running", "made"} {
		t.Run(state, func(t *testing.T) {
			volume := fmt.Sprintf("capprof-e2e-like-%s-%d", state, os.Getpid())
			name := volume
			verb := map[string][]string{"running": {"run", "--detach"}, "made": {"create"}}[state]
			args := append(verb, "--name", name, "--env", "MODE=live", "--env", "KEPT=1", "--volume", volume+":/v", "--volume", "/usr:/u:ro", "--restart", "always",
				"--read-only", "--tmpfs", "/tmp", "--publish", "127.0.0.1::80", "--label", "traefik.enable=true", "--cap-drop", "ALL", "--cap-add", "CHOWN", "--user", "0:0",
				imageOf(t, debian), "bash", "-c", idle)
			t.Cleanup(func() {
				remove(t, e, name)
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
				defer cancel()
				if _, err := e.Output(ctx, "volume", "rm", "--force", volume); err != nil {
					t.Error(err)
				}
			})
			if _, err := e.Output(t.Context(), args...); err != nil {
				t.Fatal(err)
			}
			before := about(t, e, name)
			result, d := like(t, e, "--like", name, "--env", "MODE=test", "--", "bash", "-c",
				`test "$MODE$KEPT" = test1 && test ! -e /v/left && touch /v/left && test -d /u/bin && ! touch /u/x && ! touch /x && chown 1000 /tmp`)
			result.mentions(t, "like container "+name, "none of its labels (traefik.enable)")
			if got := d.Capabilities.Required.String(); got != "CHOWN" {
				t.Errorf("required {%s}", got)
			}
			want := map[string]any{
				"env": []any{"KEPT=1", "MODE=test"}, "volume": []any{"/usr:/u:ro", volume + ":/v"}, "restart": "always", "readOnly": true,
				"tmpfs": []any{"/tmp"}, "publish": []any{"127.0.0.1::80"}, "capDrop": []any{"ALL"}, "capAdd": []any{"CHOWN"}, "user": "0:0",
			}
			if got := optionsOf(t, d); !reflect.DeepEqual(got, want) {
				t.Errorf("options %v\nwant %v", got, want)
			}
			if after := about(t, e, name); after != before {
				t.Errorf("the original has changed:\n%s\n%s", before, after)
			}
			if state == "running" {
				if _, err := e.Output(t.Context(), "exec", name, "test", "!", "-e", "/v/left"); err != nil {
					t.Errorf("a run wrote to the original's volume: %v", err)
				}
			}
		})
	}
}

// TestLikeAServiceOfCompose: what docker-compose makes of a service, on its networks and
// with the names that it gave, without its names in the networks.
func TestLikeAServiceOfCompose(t *testing.T) {
	compose, err := exec.LookPath("docker-compose")
	if err != nil {
		testengine.Skip(t, testengine.NoCompose, "%v", err)
	}
	e := engineOf(t)
	project := fmt.Sprintf("capprofe2elike%d", os.Getpid())
	dir := t.TempDir()
	file := fmt.Sprintf(`
version: "2.4"
services:
  db:
    image: %[1]s
    command: ["bash", "-c", %[2]q]
    networks: [back]
  app:
    image: %[1]s
    command: ["bash", "-c", %[2]q]
    environment: {MODE: "test"}
    volumes: ["data:/v", "/usr:/u:ro"]
    networks:
      back: {aliases: [api]}
      front: {}
    cap_add: [NET_ADMIN]
    security_opt: ["no-new-privileges:true", "seccomp:seccomp.json"]
    ulimits: {nofile: {soft: 100, hard: 200}}
    healthcheck: {test: ["CMD", "test", "-d", "/"], interval: 9s}
    stop_grace_period: 3s
    labels: {traefik.enable: "true"}
    restart: unless-stopped
volumes: {data: {}}
networks: {back: {}, front: {}}
`, imageOf(t, debian), strings.ReplaceAll(idle, "$", "$$"))
	for name, text := range map[string]string{"compose.yaml": file, "seccomp.json": `{"defaultAction":"SCMP_ACT_ALLOW"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(ctx context.Context, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(ctx, compose, append([]string{"--project-name", project, "--file", filepath.Join(dir, "compose.yaml")}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker-compose %q: %v: %s", args, err, tail(output))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		run(ctx, "down", "--volumes", "--timeout", "0")
	})
	run(ctx, "up", "--detach")
	// As somebody has it after an update: Compose carries anonymous volumes over.
	run(ctx, "up", "--detach", "--force-recreate", "--timeout", "0")
	app := project + "_app_1"
	before := about(t, e, app)
	// It finds its neighbour by name, is on both networks, and not found by its own name.
	result, d := like(t, e, "--like", app, "--", "bash", "-c",
		`test "$MODE" = test && getent hosts db && test -e /sys/class/net/eth1 && test "$(ulimit -n)" = 100 && chown 1000 /tmp`)
	result.mentions(t, "names and addresses on networks", "api", "without a shell")
	want := map[string]any{
		"env": []any{"MODE=test"}, "volume": []any{"/usr:/u:ro", project + "_data:/v"}, "network": []any{project + "_back", project + "_front"},
		"capAdd": []any{"NET_ADMIN"}, "securityOpt": []any{"no-new-privileges:true", `seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`},
		"ulimit": []any{"nofile=100:200"}, "healthCmd": "test -d /", "healthInterval": "9s", "stopTimeout": "3", "restart": "unless-stopped",
	}
	if got := optionsOf(t, d); !reflect.DeepEqual(got, want) {
		t.Errorf("options %v\nwant %v", got, want)
	}
	if after := about(t, e, app); after != before {
		t.Errorf("the original has changed:\n%s\n%s", before, after)
	}
	missing := invocation{engine: e, args: []string{"run", "--like", "app"}}.run(t)
	missing.expect(t, exitUnfit)
	missing.mentions(t, "no such container", app)
}
