package host

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// installed installs a service for a test, and prepares it.
func installed(t *testing.T, text string) (string, engine.Subject) {
	t.Helper()
	needRoot(t)
	const dir = "/run/systemd/system"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("capprof-test-%d-%s.service", os.Getpid(), strings.ToLower(filepath.Base(t.Name())))
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte("[Service]\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
		// Of what was made for this alone, nothing stays.
		_ = os.Remove(dir)
		_ = os.Remove(filepath.Dir(dir))
	})
	subject, err := open(t).Prepare(t.Context(), workload.Spec{Options: workload.Options{}.Set("unit", name)}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return name, subject
}

// contain makes a container of a subject.
func contain(t testing.TB, subject engine.Subject, set capability.Set) engine.Container {
	t.Helper()
	c, err := subject.Create(t.Context(), engine.Conditions{Capabilities: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Remove(noCancel(t)); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestUnit(t *testing.T) {
	_, subject := installed(t, `User=www-data
Environment="GREETING=hello world" NUMBER=7
RuntimeDirectory=capprof-test/sub
RuntimeDirectoryMode=0750
UMask=0077
WorkingDirectory=/usr
KillSignal=SIGUSR2
TimeoutStopSec=7
ExecStartPre=-/bin/false
ExecStartPre=/bin/sh -c 'echo "$$GREETING" > $RUNTIME_DIRECTORY/note'
ExecStartPre=+/bin/sh -c 'grep CapEff /proc/self/status | grep -vq 0000000000000000 && id -u'
ExecStart=/bin/sh -c 'cat $RUNTIME_DIRECTORY/note; id -un; pwd; stat -c %%a:%%U $RUNTIME_DIRECTORY; umask; echo ${NUMBER}; exit ${NUMBER}'
`)
	id := subject.Identity()
	if id.StopSignal != syscall.SIGUSR2 || id.StopTimeout.Seconds() != 7 || id.Healthcheck {
		t.Errorf("%+v", id)
	}
	c := contain(t, subject, capability.Of())
	for range 2 {
		var out bytes.Buffer
		exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &out, Stderr: &out})
		if want := "0\nhello world\nwww-data\n/usr\n750:www-data\n0077\n7\n"; err != nil || exit.Code != 7 || out.String() != want {
			t.Errorf("%+v, %v: %q, want %q", exit, err, out.String(), want)
		}
	}
	if _, err := os.Stat("/run/capprof-test"); !os.IsNotExist(err) {
		t.Errorf("its directory is on the machine: %v", err)
	}
}

// What has to be done before the start fails, or is not there.
func TestUnitThatFailsBefore(t *testing.T) {
	for line, code := range map[string]int{"/bin/sh -c 'exit 9'": 9, "/bin/true\nExecStartPre=/no/such/program": 127} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			_, subject := installed(t, "ExecStartPre="+line+"\nExecStart=/bin/echo started\n")
			var out bytes.Buffer
			exit, err := engine.Run(t.Context(), contain(t, subject, capability.Of()), engine.Stdio{Stdout: &out})
			if err != nil || exit.Code != code || out.Len() > 0 {
				t.Errorf("%+v, %v: %q", exit, err, out.String())
			}
		})
	}
}

func TestUnitThatNotifies(t *testing.T) {
	_, subject := installed(t, `Type=notify
User=www-data
ExecStart=/usr/bin/perl -MSocket -e 'socket(S, PF_UNIX, SOCK_DGRAM, 0); send(S, "STATUS=up\nREADY=1\n", 0, pack_sockaddr_un($$ENV{NOTIFY_SOCKET})) or die $!; sleep 1000'
`)
	c := contain(t, subject, capability.Of())
	if !subject.Identity().Healthcheck {
		t.Error("it does not tell when it is ready")
	}
	if err := c.Start(t.Context(), engine.Stdio{Stderr: os.Stderr}); err != nil {
		t.Fatal(err)
	}
	if ready, err := c.Healthy(t.Context()); err != nil || !ready {
		t.Errorf("%v, %v", ready, err)
	}
	if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Code: 143, Signalled: true}) {
		t.Errorf("%+v, %v", exit, err)
	}
}

// The first process of a forking service ends when the service is ready; the service ends
// with its main process, or with its last one.
func TestUnitThatForks(t *testing.T) {
	for name, tc := range map[string]struct {
		pidFile string
		code    int
	}{
		"with a PID file":    {"PIDFile=/run/capprof-test.pid", 5},
		"without a PID file": {"", 5},
	} {
		t.Run(name, func(t *testing.T) {
			_, subject := installed(t, `Type=forking
`+tc.pidFile+`
ExecStart=/bin/sh -c 'mkfifo /run/capprof-test; perl -e "\$SIG{TERM} = sub { exit 5 }; open F, q(>), q(/run/capprof-test); print F qq(up\\n); close F; sleep 1000" & echo $! > /run/capprof-test.pid; read up < /run/capprof-test'
`)
			c := contain(t, subject, capability.Of())
			if err := c.Start(t.Context(), engine.Stdio{Stderr: os.Stderr}); err != nil {
				t.Fatal(err)
			}
			if ready, err := c.Healthy(t.Context()); err != nil || !ready {
				t.Fatalf("%v, %v", ready, err)
			}
			if found, err := c.Processes(t.Context()); err != nil || len(found) == 0 {
				t.Errorf("%v, %v", found, err)
			}
			if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			exit, err := c.Wait(t.Context())
			if err != nil || !exit.Signalled || exit.Code != tc.code {
				t.Errorf("%+v, %v", exit, err)
			}
		})
	}
}

func TestToday(t *testing.T) {
	name, _ := installed(t, "User=www-data\nGroup=adm\nCapabilityBoundingSet=CAP_CHOWN CAP_KILL\nExecStart=/bin/true\n")
	w, err := Today(workload.Spec{Options: workload.Options{}.Set("unit", name)})
	if err != nil || w.Options.Value("user") != "www-data:adm" {
		t.Errorf("%v, %v", w.Options.Value("user"), err)
	}
	if set, err := engine.Granted(capability.Known(), w.Options); err != nil || set != capability.Of(capability.Chown, capability.Kill) {
		t.Errorf("%s, %v", set, err)
	}
	given := workload.Options{}.Set("unit", name).Set("user", "nobody").Set("cap-drop", "KILL")
	if w, err = Today(workload.Spec{Options: given}); err != nil || w.Options.Value("user") != "nobody" || len(w.Options.Values("cap-add")) > 0 {
		t.Errorf("%+v, %v", w.Options, err)
	}
}
