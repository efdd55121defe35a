package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// made makes a container of a shell command, which the test's end removes.
func made(t testing.TB, options workload.Options, set capability.Set, argv ...string) engine.Container {
	t.Helper()
	needRoot(t)
	e := open(t)
	subject, err := e.Prepare(t.Context(), workload.Spec{Command: argv, Options: options}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return contain(t, subject, set)
}

// noCancel is the test's context for its clean-up, by when its own has ended.
func noCancel(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

// says is what a shell command says, which must end well.
func says(t testing.TB, options workload.Options, set capability.Set, command string) string {
	t.Helper()
	var out bytes.Buffer
	exit, err := engine.Run(t.Context(), made(t, options, set, "/bin/sh", "-ec", command), engine.Stdio{Stdout: &out, Stderr: &out})
	if err != nil || exit.Code != 0 {
		t.Fatalf("%s: %+v, %v: %s", command, exit, err, out.String())
	}
	return out.String()
}

// What a run writes is there for it, and neither on the machine nor for the next run.
func TestWritesStayApart(t *testing.T) {
	var all []string
	for _, dir := range []string{"/etc", "/tmp", "/var/lib", "/run", "/dev", "/dev/shm", "/usr/local"} {
		file := filepath.Join(dir, "capprof-test-"+strconv.Itoa(os.Getpid()))
		all = append(all, file)
		command := "test ! -e " + file + "; echo kept > " + file + "; cat " + file
		for range 2 {
			if got := says(t, workload.Options{}, 0, command); got != "kept\n" {
				t.Errorf("%s: %q", dir, got)
			}
		}
	}
	for _, file := range all {
		if _, err := os.Lstat(file); !os.IsNotExist(err) {
			t.Errorf("%s is on the machine: %v", file, err)
		}
	}
	// A start finds what the one before wrote, as a service does that is restarted.
	c := made(t, workload.Options{}, 0, "/bin/sh", "-ec", "echo x >> /var/tmp/capprof-test-again; exit $(wc -l < /var/tmp/capprof-test-again)")
	for n := 1; n <= 2; n++ {
		if exit, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil || exit.Code != n {
			t.Errorf("start %d: %+v, %v", n, exit, err)
		}
	}
}

func TestWritesThatAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept")
	says(t, workload.Options{}.Set("writes", "keep"), 0, "echo kept > "+file)
	if text, err := os.ReadFile(file); err != nil || string(text) != "kept\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestVolumes(t *testing.T) {
	dir := t.TempDir()
	options := workload.Options{}.Set("volume", dir+":/mnt/capprof-own", dir+":/mnt/capprof-read:ro").Set("tmpfs", "/mnt/capprof-tmpfs:size=64k")
	got := says(t, options, capability.Of(capability.DACOverride), `echo written > /mnt/capprof-own/file; cat /mnt/capprof-read/file
(echo no > /mnt/capprof-read/file) 2>/dev/null || echo read-only
grep -c "capprof-tmpfs tmpfs.*noexec.*size=64k" /proc/mounts`)
	if got != "written\nread-only\n1\n" {
		t.Errorf("%q", got)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "written\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// As whom it runs, and with what: the lines of proc_pid_status(5) from Inh to Amb.
func TestUsersAndCapabilities(t *testing.T) {
	bind := capability.Of(capability.NetBindService)
	none := capability.Set(0)
	for name, tc := range map[string]struct {
		user string
		want [5]capability.Set
	}{
		"root":             {"", [5]capability.Set{none, bind, bind, bind, none}},
		"a number":         {"1234:2345", [5]capability.Set{bind, bind, bind, bind, bind}},
		"one of the lists": {"www-data", [5]capability.Set{bind, bind, bind, bind, bind}},
	} {
		got := says(t, workload.Options{}.Set("user", tc.user).Set("group-add", "54321"), bind, "cut -f2- /proc/self/status | tail -n +1 >/dev/null; grep ^Cap /proc/self/status; id -G")
		var want strings.Builder
		for i, set := range []string{"Inh", "Prm", "Eff", "Bnd", "Amb"} {
			fmt.Fprintf(&want, "Cap%s:\t%s\n", set, tc.want[i].Mask())
		}
		if !strings.HasPrefix(got, want.String()) || !strings.Contains(got, "54321") {
			t.Errorf("%s: %q, want %q", name, got, want.String())
		}
	}
	env := says(t, workload.Options{}.Set("user", "www-data").Set("env", "GIVEN=yes"), 0, "echo $HOME $USER $GIVEN; ulimit -n")
	if !strings.HasPrefix(env, "/var/www www-data yes\n") {
		t.Errorf("%q", env)
	}
	limited := workload.Options{}.Set("ulimit", "nofile=123:456").Set("security-opt", "no-new-privileges").Set("oom-score-adj", "345").Set("workdir", "/usr")
	if got := says(t, limited, 0, "ulimit -n; ulimit -Hn; grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj; pwd"); got != "123\n456\nNoNewPrivs:\t1\n345\n/usr\n" {
		t.Errorf("%q", got)
	}
}

func TestNamespaces(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if got := says(t, workload.Options{}, 0, "uname -n; echo $(ls -d /proc/[0-9]* | wc -l)"); !strings.HasPrefix(got, host+"\n") || strings.Contains(got, "00") {
		t.Errorf("%q", got)
	}
	if got := says(t, workload.Options{}.Set("hostname", "other").Set("network", "none"), 0, "uname -n; ls /sys/class/net; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"); got != "other\nlo\n1024\n" {
		t.Errorf("%q", got)
	}
	if now, err := os.Hostname(); err != nil || now != host {
		t.Errorf("the machine is %s now", now)
	}
}

func TestTerminal(t *testing.T) {
	sizes := make(chan engine.Size, 1)
	sizes <- engine.Size{Width: 91, Height: 37}
	var out bytes.Buffer
	c := made(t, workload.Options{}.Set("tty", "true").Set("interactive", "true"), 0, "/bin/sh", "-c", `read line; test -t 0 && test -t 2 && echo "terminal $line"; stty size; tty`)
	exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdin: strings.NewReader("hello\n"), Stdout: &out, Resize: sizes})
	if err != nil || exit.Code != 0 || !strings.Contains(out.String(), "terminal hello\r\n") || !strings.Contains(out.String(), "/dev/pts/") {
		t.Errorf("%+v, %v: %q", exit, err, out.String())
	}
}

// Neither what ends nor what cannot start leaves a descriptor, a process or a cgroup.
func TestNothingLeaks(t *testing.T) {
	needRoot(t)
	count := func() int {
		t.Helper()
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		children, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
		if err != nil {
			t.Fatal(err)
		}
		return len(open) + len(strings.Fields(string(children)))
	}
	round := func() {
		t.Helper()
		e := open(t)
		for _, command := range []string{"/bin/true", "/no/such/program"} {
			subject, err := e.Prepare(t.Context(), workload.Spec{Command: []string{command}, Options: workload.Options{}.Set("volume", "/mnt/capprof-anonymous")}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			c, err := subject.Create(t.Context(), engine.Conditions{})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := engine.Run(t.Context(), c, engine.Stdio{Stdin: strings.NewReader("x"), Stdout: io.Discard}); (err == nil) != (command == "/bin/true") {
					t.Fatal(err)
				}
			}
			if err := c.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(c.(*Container).cgroup); !os.IsNotExist(err) {
				t.Errorf("its cgroup is there: %v", err)
			}
		}
	}
	round() // what is opened once stays open
	before := count()
	for range 5 {
		round()
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors and children, and %d before", after, before)
	}
}

// A program that knows no signals is ended by them, as it is outside of containers, where it
// is not the first process of a namespace.
func TestSignalsEndWhatKnowsNone(t *testing.T) {
	heard := listener{word: make(chan struct{})}
	c := made(t, workload.Options{}, 0, "/bin/sh", "-c", "echo up; exec sleep 1000")
	if err := c.Start(t.Context(), engine.Stdio{Stdout: &heard}); err != nil {
		t.Fatal(err)
	}
	<-heard.word
	if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Code: 143, Signalled: true}) {
		t.Errorf("%+v, %v", exit, err)
	}
}

// listener closes its word at the first output.
type listener struct{ word chan struct{} }

func (l *listener) Write(p []byte) (int, error) {
	select {
	case <-l.word:
	default:
		close(l.word)
	}
	return len(p), nil
}

func TestRefusals(t *testing.T) {
	needRoot(t)
	for name, tc := range map[string]struct {
		spec workload.Spec
		want error
		says string
	}{
		"an image":         {workload.Spec{Image: "nginx"}, engine.ErrNoImage, "put -- before the command"},
		"a memory limit":   {workload.Spec{Options: workload.Options{}.Set("memory", "1g")}, engine.ErrBadWorkload, "systemd-run"},
		"a port":           {workload.Spec{Options: workload.Options{}.Set("publish", "80")}, engine.ErrBadWorkload, "--publish"},
		"a network":        {workload.Spec{Options: workload.Options{}.Set("network", "web")}, engine.ErrBadWorkload, "--network web"},
		"a seccomp filter": {workload.Spec{Options: workload.Options{}.Set("security-opt", "apparmor=x")}, engine.ErrBadWorkload, "no-new-privileges is all"},
		"a named volume":   {workload.Spec{Options: workload.Options{}.Set("volume", "data:/data")}, engine.ErrBadWorkload, "name a directory"},
		"no such user":     {workload.Spec{Options: workload.Options{}.Set("user", "no-such-user")}, engine.ErrBadWorkload, "no-such-user"},
		"no such unit":     {workload.Spec{Options: workload.Options{}.Set("unit", "capprof-none")}, engine.ErrBadWorkload, "there is no capprof-none.service"},
		"the host's":       {workload.Spec{Options: workload.Options{}.Set("sysctl", "net.ipv4.ip_forward=1")}, engine.ErrBadWorkload, "it would be the machine's"},
	} {
		tc.spec.Command = []string{"true"}
		_, err := open(t).Prepare(t.Context(), tc.spec, io.Discard)
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every option is either had or refused with a reason; see workload.RefusedPlain.
func TestEveryOptionIsDecided(t *testing.T) {
	had := []string{
		"env-file", "env", "volume", "mount", "workdir", "user", "group-add", "hostname", "domainname", "network", "sysctl", "security-opt", "tmpfs", "entrypoint",
		"init", "interactive", "tty", "ipc", "uts", "ulimit", "oom-score-adj", "stop-signal", "stop-timeout", "health-cmd", "health-interval", "health-timeout",
		"health-start-period", "health-start-interval", "health-retries", "no-healthcheck", "unit", "writes", "cap-add", "cap-drop",
	}
	known := map[string]bool{}
	for _, name := range had {
		known[name] = true
	}
	for _, option := range workload.Table {
		if option.Refused != "" || option.NoEffect != "" {
			continue
		}
		refused := workload.RefusedPlain(workload.Options{}.With(workload.Setting{Name: option.Name, Value: "true"})) != nil
		if refused == known[option.Name] {
			t.Errorf("--%s: refused %v, and had %v", option.Name, refused, known[option.Name])
		}
	}
}

// asVictimEnv makes this test binary a capprof that is killed: it starts a container that
// hangs and says where its cgroup is.
const asVictimEnv = "CAPPROF_TEST_HOST_VICTIM"

func victim() int {
	e, err := New(Options{})
	if err != nil {
		return 2
	}
	w := workload.Spec{Command: []string{"/bin/sh", "-c", "setsid sleep 1000 & exec sleep 1000"}, Options: workload.Options{}.Set("volume", "/mnt/capprof-anonymous")}
	subject, err := e.Prepare(context.Background(), w, io.Discard)
	if err != nil {
		return 2
	}
	c, err := subject.Create(context.Background(), engine.Conditions{})
	if err != nil {
		return 2
	}
	if err := c.Start(context.Background(), engine.Stdio{}); err != nil {
		return 2
	}
	fmt.Println(c.(*Container).cgroup)
	_, _ = c.Wait(context.Background())
	return 3 // it was to be killed
}

// A capprof that is killed takes its processes and mounts with it. What is left, an empty
// cgroup and the directory of its volume, is removed by the next one that is asked to.
func TestKilled(t *testing.T) {
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asVictimEnv+"=1", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, cmd.Wait())
	}
	cgroup := strings.TrimSpace(line)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := untilEmpty(cgroup, func() error { return nil }); err != nil {
		t.Fatalf("its processes still run: %v", err)
	}
	t.Setenv("TMPDIR", tmp)
	names, err := open(t).RemoveLeftovers(t.Context())
	if err != nil || len(names) < 2 {
		t.Errorf("removed %q, %v", names, err)
	}
	if _, err := os.Stat(cgroup); !os.IsNotExist(err) {
		t.Errorf("the cgroup is there: %v", err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
