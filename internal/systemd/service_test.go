package systemd

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

const service = "[Service]\nExecStart=/bin/true\n"

func TestParse(t *testing.T) {
	text := `[Unit]
Description=ignored
# a comment
[Service]
Type=notify
User=web-%i
Group=www
SupplementaryGroups=ssl-cert adm
Environment="GREETING=hello \"world\"" PORT=81 'TAB=a\tb'
EnvironmentFile=-/etc/default/%p
EnvironmentFile=/etc/web.env
WorkingDirectory=-/srv/%I
RuntimeDirectory=web web/sub
RuntimeDirectoryMode=0750
StateDirectory=web-%N
ExecStartPre=-/bin/mkdir -p ${RUNTIME_DIRECTORY}
ExecStartPre=+:@/bin/echo me $HOME
ExecStart=/usr/sbin/web -c /etc/web.conf \
    -p $PORT --name "a b" 100%%
KillSignal=SIGQUIT
KillMode=mixed
TimeoutStopSec=1min 30s
UMask=0027
NoNewPrivileges=yes
OOMScoreAdjust=-900
LimitNOFILE=1024:64K
LimitCORE=infinity
CapabilityBoundingSet=CAP_CHOWN CAP_SETUID
CapabilityBoundingSet=CAP_SETGID
CapabilityBoundingSet=~CAP_CHOWN
AmbientCapabilities=CAP_NET_BIND_SERVICE
ProtectSystem=strict
PrivateDevices=no
Restart=always
[Install]
WantedBy=multi-user.target
`
	got, err := Parse("web@my-site.service", text)
	if err != nil {
		t.Fatal(err)
	}
	umask, oom, timeout := 0o27, -900, 90*time.Second
	bounding := capability.Of(capability.SetUID, capability.SetGID)
	want := &Service{
		Name: "web@my-site.service", Type: "notify", User: "web-my-site", Group: "www", Groups: []string{"ssl-cert", "adm"},
		Environment: []string{`GREETING=hello "world"`, "PORT=81", "TAB=a\tb"},
		Files:       []EnvironmentFile{{"/etc/default/web", true}, {"/etc/web.env", false}},
		Directory:   "/srv/my/site", DirectoryOptional: true,
		Owned: []OwnedDirectory{
			{"/run/web", "RUNTIME_DIRECTORY", 0o750}, {"/run/web/sub", "RUNTIME_DIRECTORY", 0o750}, {"/var/lib/web-web@my-site", "STATE_DIRECTORY", 0o755},
		},
		Before:     []Command{{[]string{"/bin/mkdir", "-p", "${RUNTIME_DIRECTORY}"}, true, false}, {[]string{"/bin/echo", "$$HOME"}, false, true}},
		Start:      Command{Argv: []string{"/usr/sbin/web", "-c", "/etc/web.conf", "-p", "$PORT", "--name", "a b", "100%"}},
		StopSignal: syscall.SIGQUIT, SignalsMain: true, StopTimeout: &timeout,
		Umask: &umask, NoNewPrivileges: true, OOMScoreAdj: &oom,
		Limits:   []Limit{{unix.RLIMIT_NOFILE, 1024, 64 << 10}, {unix.RLIMIT_CORE, unix.RLIM_INFINITY, unix.RLIM_INFINITY}},
		Bounding: &bounding, Ambient: capability.Of(capability.NetBindService),
		NotApplied: []string{"ProtectSystem"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDropInsTakeBack(t *testing.T) {
	got, err := Parse("a.service", service+"User=one\nEnvironment=A=1\nCapabilityBoundingSet=CAP_CHOWN\n",
		"[Service]\nExecStart=\nExecStart=/bin/false\nUser=two\nEnvironment=\nEnvironment=B=2\nCapabilityBoundingSet=\nCapabilityBoundingSet=CAP_KILL\n")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Start.Argv, []string{"/bin/false"}) || got.User != "two" || !slices.Equal(got.Environment, []string{"B=2"}) || *got.Bounding != capability.Of(capability.Kill) {
		t.Errorf("%+v", got)
	}
}

func TestCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"[Service]\nUser=a\n":                          "no ExecStart=",
		service + "DynamicUser=yes\n":                  "DynamicUser=",
		service + "PrivateUsers=yes\n":                 "PrivateUsers=",
		service + "RootDirectory=/srv/root\n":          "RootDirectory=",
		"[Service]\nExecStart=+/bin/true\n":            "full privileges",
		"[Service]\nExecStart=!/bin/true\n":            "(!)",
		"[Service]\nExecStart=/bin/true ; /bin/true\n": "several commands",
		"[Service]\nExecStart=/bin/echo \"open\n":      "not closed",
		"[Service]\nExecStart=/bin/echo %Z\n":          "%Z",
		service + "Type=nonsense\n":                    "Type=nonsense",
		service + "KillSignal=NONSENSE\n":              "KillSignal",
		service + "UMask=xyz\n":                        "UMask=xyz: not a number",
		service + "LimitNOFILE=many\n":                 "not a limit",
		service + "TimeoutStopSec=soon\n":              "span of time",
		service + "RuntimeDirectory=../etc\n":          "leads out",
		service + "CapabilityBoundingSet=CAP_NONE\n":   "CAP_NONE",
	} {
		if got, err := Parse("a.service", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, got, err, want)
		}
	}
	if _, err := Parse("a.service", service+"DynamicUser=no\nPrivateUsers=\n"); err != nil {
		t.Error(err)
	}
}

func TestExpand(t *testing.T) {
	lookup := func(name string) string { return map[string]string{"WORDS": "a  b", "EMPTY": ""}[name] }
	got := Expand([]string{"/bin/$WORDS", "$WORDS", "${WORDS}", "x${WORDS}y", "$EMPTY", "${EMPTY}", "x$WORDS", "$$WORDS", "$1", "${", "$"}, lookup)
	want := []string{"/bin/$WORDS", "a", "b", "a  b", "xa  by", "", "x$WORDS", "$WORDS", "$1", "${", "$"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestParseEnvironmentFile(t *testing.T) {
	got := ParseEnvironmentFile("# comment\n; another\nA=1\n B = two words \nC=\"quoted \\\"x\\\" $\"\nD='single $'\nnot an assignment\n1X=no\nE=a\\\nb\nF=\n")
	want := []string{"A=1", "B=two words", `C=quoted "x" $`, "D=single $", "E=ab", "F="}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1min 30s": 90 * time.Second, "1.5h": 90 * time.Minute, "250ms": 250 * time.Millisecond, "infinity": -time.Second, "2d": 48 * time.Hour,
	} {
		if got, err := duration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestRead(t *testing.T) {
	etc, lib := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(lib, "a.service", service+"User=vendor\n")
	write(lib, "b.service", service+"User=vendor\n")
	write(etc, "b.service", service+"User=admin\n")
	write(etc, "a.service.d/20.conf", "[Service]\nGroup=second\n")
	write(lib, "a.service.d/10.conf", "[Service]\nGroup=first\nUMask=077\n")
	write(lib, "a.service.d/20.conf", "[Service]\nGroup=hidden\nUser=hidden\n")
	write(lib, "t@.service", service+"User=%i\n")
	write(etc, "t@x.service.d/a.conf", "[Service]\nGroup=%p\n")
	if err := os.Symlink(os.DevNull, filepath.Join(etc, "masked.service")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "vendor:second", "a.service": "vendor:second", "b": "admin:", "t@x": "x:t"} {
		got, err := readIn(name, []string{etc, lib})
		if err != nil || got.User+":"+got.Group != want {
			t.Errorf("%s: %+v, %v; want %s", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"none": "there is no none.service", "masked": "is masked", "t@": "is a template", "a.socket": "name a service", "../a": "without its directory"} {
		if got, err := readIn(name, []string{etc, lib}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, want)
		}
	}
}

// What is installed here is read, or refused for a reason that is known.
func TestInstalled(t *testing.T) {
	files, err := filepath.Glob("/lib/systemd/system/*.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.Contains(name, "@") {
			continue
		}
		if got, err := Read(name); err == nil && (len(got.Start.Argv) == 0 || got.Start.Argv[0] == "") {
			t.Errorf("%s: %+v", name, got)
		} else if err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(service + "Environment=A=\"b c\" \\x41\n")
	f.Add("[Service]\nExecStart=-/bin/sh -c 'a\\'b' $X ${Y} %%\nLimitNOFILE=1:2K\nTimeoutSec=1h 2min\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse("a.service", text)
		if err == nil && len(got.Start.Argv) == 0 {
			t.Errorf("nothing to start: %+v", got)
		}
		if err == nil {
			Expand(got.Start.Argv, func(string) string { return "x" })
		}
	})
}
