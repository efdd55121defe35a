package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
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

	path := filepath.Join(dir, "profile.json")
	invocation{engine: e, prefix: prefix, env: env, args: []string{
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
