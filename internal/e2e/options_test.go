package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOptionsTakeEffect: the workload passes where each option of docker run has done in
// the container what it does for docker, and fails without any of them.
func TestOptionsTakeEffect(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, debian)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	variables := filepath.Join(dir, "some.env")
	if err := os.WriteFile(variables, []byte("# a comment\nFROM_FILE=a b\nGOES_UNDER=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options := []string{
		"-d", "--name", "web", "--restart", "unless-stopped", "-p", "18080:80", // without effect here, or none that shows
		"--env-file", variables, "-e", "GOES_UNDER=option", "--ulimit", "nofile=77:88", "--add-host", "some.host:10.9.8.7", "--init", "--hostname", "here",
		"--shm-size", "1m", "--mount", "type=bind,source=" + dir + ",target=/given,readonly", "--group-add", "4321", "--oom-score-adj", "123", "--stop-timeout", "2",
		"--dns-search", "some.domain", "--label", "a=b",
	}
	const checks = `set -e
[ "$FROM_FILE" = "a b" ] && [ "$GOES_UNDER" = option ]
[ "$(ulimit -Sn) $(ulimit -Hn)" = "77 88" ]
grep -q '^10.9.8.7[[:space:]]*some.host$' /etc/hosts
[ "$$" != 1 ] && [ "$(cat /proc/sys/kernel/hostname)" = here ]
grep -q ' /dev/shm .*size=1024k' /proc/mounts
[ -e /given/some.env ] && ! touch /given/more 2>/dev/null
grep -q '^Groups:.* 4321' /proc/self/status
[ "$(cat /proc/self/oom_score_adj)" = 123 ]
grep -q 'search some.domain' /etc/resolv.conf`
	args := append(append([]string{"run", "--no-prove", "--ready", "none"}, options...), image, "--", "bash", "-c", checks)
	result := invocation{engine: e, args: args}.run(t)
	result.expect(t, exitProven)
	if want := "without effect on a profile: --detach, --name, --restart\n"; strings.Count(result.stderr, want) != 1 {
		t.Errorf("it does not say %q once:\n%s", want, result.stderr)
	}
	quiet := invocation{engine: e, args: append([]string{"run", "-q"}, args[1:]...)}.run(t)
	quiet.expect(t, exitProven)
	if strings.Contains(quiet.stderr, "without effect") {
		t.Errorf("with -q it says %q", quiet.stderr)
	}
	// The checks can fail.
	plain := invocation{engine: e, args: []string{"run", "--ready", "none", image, "--", "bash", "-c", checks}}.run(t)
	plain.expect(t, exitFailed)
}

// TestTerminalWithoutOne: -it works where we have no terminal, as in CI: the workload has
// one, and its input ends with ours.
func TestTerminalWithoutOne(t *testing.T) {
	e := engineOf(t)
	const checks = `[ -t 0 ] && [ -t 1 ] && read -r line && [ "$line" = hello ] && ! read -r more`
	invocation{
		engine: e, stdin: "hello\n",
		args: []string{"run", "--no-prove", "--ready", "none", "--rm", "-it", imageOf(t, debian), "--", "bash", "-c", checks},
	}.run(t).expect(t, exitProven)
}
