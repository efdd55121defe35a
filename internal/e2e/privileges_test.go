package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/testengine"
)

// asNobody is the command that runs another as an ordinary user who may talk to
// the engine, and the directory that this user may write to.
func asNobody(t *testing.T, e *testengine.Engine) (prefix []string, dir string) {
	t.Helper()
	const nobody = 65534
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "becoming another user needs root")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(strings.TrimPrefix(e.Host, "unix://"))
	if err != nil {
		testengine.Skip(t, testengine.Unsettled, "the engine has no socket to share: %v", err)
	}
	group := info.Sys().(*syscall.Stat_t).Gid
	if info.Mode().Perm()&0o060 != 0o060 {
		testengine.Skip(t, testengine.Unsettled, "the engine's socket is not its group's: %v", info.Mode())
	}
	if dir, err = os.MkdirTemp("", "capprof-e2e-nobody-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	return []string{
		setpriv, "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--groups", strconv.Itoa(int(group)),
	}, dir
}

// TestOrdinaryUser: without the privileges that tracing takes, capprof says what
// is missing and what to do; and what it says to do works.
func TestOrdinaryUser(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	prefix, dir := asNobody(t, e)
	env := []string{"HOME=" + dir}

	refused := invocation{engine: e, prefix: prefix, env: env, args: []string{
		"run", "--network", "none", image, "--", "/privop", "chown",
	}}.run(t)
	refused.expect(t, exitUnfit)
	refused.mentions(t, "--no-trace", "CAP_BPF")
	if refused.stdout != "" {
		t.Errorf("stdout carries %q", refused.stdout)
	}

	// A home that is somebody else's, as setpriv and su leave it, is no obstacle.
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "profile.json")
	invocation{engine: e, prefix: prefix, env: []string{"HOME=" + home}, args: []string{
		"run", "--no-trace", "--network", "none", "-o", path, image, "--", "/privop", "chown",
	}}.run(t).expect(t, exitProven)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := requiredNames(t, text); len(got) != 1 || got[0] != "CAP_CHOWN" {
		t.Errorf("required: %q, want [CAP_CHOWN]", got)
	}
}

// TestNoAccessToEngine: a user who may not use the engine's socket is told so.
func TestNoAccessToEngine(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	prefix, dir := asNobody(t, e)
	prefix = append(prefix[:len(prefix)-2], "--clear-groups")
	running := invocation{engine: e, prefix: prefix, env: []string{"HOME=" + dir}, args: []string{
		"run", "--no-trace", image, "--", "/privop", "nothing",
	}}.run(t)
	running.expect(t, exitUnfit)
	running.mentions(t, "permission denied")
}

// TestLeastPrivileges: an ordinary user of the engine with CAP_BPF, CAP_PERFMON
// and CAP_SYSLOG, and nothing else, traces as root does; with one of the three
// missing, capprof says which.
func TestLeastPrivileges(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	prefix, dir := asNobody(t, e)
	env := []string{"HOME=" + dir}
	least := []string{"bpf", "perfmon", "syslog"}
	// Ambient capabilities are what a service manager or setpriv(1) hands on.
	with := func(names []string) []string {
		var list string
		for _, name := range names {
			list += ",+" + name
		}
		return append(slices.Clone(prefix), "--inh-caps", "-all"+list, "--ambient-caps", "-all"+list, "--bounding-set", "-all"+list)
	}

	path := filepath.Join(dir, "profile.json")
	invocation{engine: e, prefix: with(least), env: env, args: []string{
		"run", "--network", "none", "-o", path, image, "--", "/privop", "drop",
	}}.run(t).expect(t, exitProven)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document := decodeStrictly(t, text)
	if got, want := document.Capabilities.Required, setOf(t, []string{"SETGID", "SETUID"}); got != want {
		t.Errorf("required: %s, want %s", got, want)
	}
	if !document.Environment.Traced {
		t.Error("the profile is not traced")
	}
	checkRequirements(t, document)

	for i, missing := range least {
		t.Run("without "+missing, func(t *testing.T) {
			result := invocation{
				engine: e, prefix: with(slices.Delete(slices.Clone(least), i, i+1)), env: env,
				args: []string{"run", "--network", "none", image, "--", "/privop", "drop"},
			}.run(t)
			result.expect(t, exitUnfit)
			result.mentions(t, "CAP_"+missing, "--no-trace")
		})
	}
}

// TestDoctor: it finds nothing to fix for root and says what to fix for others.
func TestDoctor(t *testing.T) {
	e := engineOf(t)
	invocation{engine: e, args: []string{"doctor"}}.run(t).expect(t, 0)

	prefix, dir := asNobody(t, e)
	lacking := invocation{engine: e, prefix: prefix, env: []string{"HOME=" + dir}, args: []string{"doctor"}}.run(t)
	lacking.expect(t, exitUnfit)
	said := lacking.stdout + lacking.stderr
	for _, word := range []string{"CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG", "--no-trace"} {
		if !strings.Contains(said, word) {
			t.Errorf("doctor does not mention %s:\n%s", word, said)
		}
	}

	gone := invocation{engine: e, env: []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}, args: []string{"doctor"}}.run(t)
	gone.expect(t, exitUnfit)
	if said := gone.stdout + gone.stderr; !strings.Contains(said, "/nonexistent/docker.sock") {
		t.Errorf("doctor does not name the engine's address:\n%s", said)
	}
}
