package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
)

// server is a service that answers on port 8080. %s is what it does when it is asked to
// end.
const server = `
const give = () => { const f = require("fs"); f.rmSync("/given", { force: true }); f.writeFileSync("/given", ""); f.chownSync("/given", 1, 1) }
require("http").createServer((q, s) => {
	try { if (q.url == "/give") give(); s.end("well") } catch (e) { s.statusCode = 500; s.end(String(e)) }
}).listen(8080)
process.on("SIGTERM", () => { %s })`

// ask is a probe in bash, which every machine with these tests has. A second engine has
// a network of its own, where only the container itself reaches the service.
func ask(path string) string {
	if os.Getenv("CAPPROF_TEST_ENGINE") != "" {
		return "docker exec $CAPPROF_CONTAINER curl -fs http://127.0.0.1:8080" + path
	}
	return fmt.Sprintf(`bash -c 'exec 3<>/dev/tcp/$CAPPROF_ADDRESS/$CAPPROF_PORT_8080 && printf "GET %s HTTP/1.0\r\n\r\n" >&3 && grep -q "200 OK" <&3'`, path)
}

// serves is a server's command line.
func serves(atStop string) []string { return []string{"node", "-e", fmt.Sprintf(server, atStop)} }

// phasesOf are the phases that asked for a capability, in words.
func phasesOf(d *profile.Document, name string) []string {
	var all []string
	for _, r := range d.Requirements {
		for _, p := range r.Phases {
			if r.Grant.Capability.Short() == name {
				all = append(all, p.String())
			}
		}
	}
	return all
}

// TestServices: what a service needs, and when.
func TestServices(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, debian)
	for name, c := range map[string]struct {
		flags   []string
		command []string
		want    []string
		phases  string
		// inside is what a command inside needs for itself, where that does not count.
		inside string
		says   []string
		check  func(t *testing.T, d *profile.Document)
	}{
		"without being told": {
			command: serves("process.exit(0)"),
			says:    []string{"a service: ready when 8080/tcp listens; started, stopped, restarted; no request was made", "stops by SIGTERM, with exit code 0"},
			check: func(t *testing.T, d *profile.Document) {
				if s := d.Scenario; s == nil || s.Ready != "listening" || !slices.Equal(s.Sockets, []scenario.Socket{{Protocol: "tcp", Port: 8080}}) || len(s.Processes) != 1 {
					t.Errorf("%+v", s)
				}
			},
		},
		"a probe": {
			flags: []string{"--probe", ask("/give")}, command: serves("process.exit(0)"), want: []string{"CHOWN"},
			phases: "exercise of the first boot, exercise of the restart",
		},
		"at its stop": {
			command: serves(`try { give(); process.exit(0) } catch { process.exit(7) }`), want: []string{"CHOWN"},
			phases: "stop of the first boot, stop of the restart", says: []string{"only at stop"},
		},
		"it ends well when it is refused something": {
			command: []string{"sh", "-c", `chown 1 /tmp || exit 0; exec "$0" "$@"`, "node", "-e", fmt.Sprintf(server, "process.exit(0)")}, want: []string{"CHOWN"},
			phases: "start of the first boot, start of the restart",
		},
		"a command inside, for itself": {
			flags: []string{"--exec", "chown 1 /tmp"}, command: serves("process.exit(0)"), inside: "CHOWN",
		},
		"a command inside, that counts": {
			flags: []string{"--exec", "chown 1 /tmp", "--count", "exec"}, command: serves("process.exit(0)"), want: []string{"CHOWN"},
			phases: "exec of the first boot, exec of the restart",
			check: func(t *testing.T, d *profile.Document) {
				for _, denial := range d.Requirements[0].Denials {
					if denial.Asker != profile.AskerExec {
						t.Errorf("it was asked by %q: %+v", denial.Asker, denial)
					}
				}
			},
		},
		"ready as its log says": {
			flags: []string{"--ready", "log:^listening$"}, command: []string{"node", "-e", fmt.Sprintf(server, "process.exit(0)") + `; console.log("listening")`},
			says: []string{"ready when its output matches ^listening$"},
		},
		"it does not heed its stop signal": {
			flags: []string{"--stop-timeout", "1"}, command: []string{"sleep", "1000"},
			says: []string{"ignores SIGTERM: killed after its stop timeout"},
		},
		"its host port is taken": {
			flags:   []string{"-p", "127.0.0.1:" + taken(t) + ":8080", "-d", "--name", "web", "--restart", "unless-stopped", "--cap-drop", "ALL"},
			command: serves("process.exit(0)"),
		},
		"a shell of the user's that asks whether it is there": {
			flags:   []string{"--ready", "after:1s", "--restarts", "0"},
			command: []string{"sh", "-c", `setpriv --reuid 1000 --regid 1000 --clear-groups sleep 1000 & sleep 0.3; setpriv --reuid 1001 --regid 1000 --clear-groups sh -c "kill -0 $! 2>/dev/null"; kill -0 $! && wait`},
			want:    []string{"KILL", "SETGID", "SETUID"},
			check: func(t *testing.T, d *profile.Document) {
				for _, r := range d.Requirements {
					if r.Grant.Capability.Short() == "KILL" && (len(r.Denials) == 0 || r.Denials[0].Asker != profile.AskerWrapper) {
						t.Errorf("%+v", r.Denials)
					}
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "profile.json")
			args := append(append([]string{"run", "-o", path}, c.flags...), image, "--")
			result := invocation{engine: e, args: append(args, c.command...)}.run(t)
			result.expect(t, exitProven)
			d, err := profile.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if d.Scenario == nil {
				t.Fatalf("it is taken for a batch job:\n%s", result.stdout)
			}
			if c.inside != "" {
				if d.Scenario.CountExec {
					// This engine does not have all capabilities itself.
					result.mentions(t, "the engine is confined itself")
					c.want, c.phases = []string{c.inside}, "exec of the first boot, exec of the restart"
				} else if got := d.ExecNeeds.ShortNames(); !slices.Equal(got, []string{c.inside}) {
					t.Errorf("the command is said to need %v", got)
				}
			}
			if got := d.Capabilities.Required; got != setOf(t, caps(c.want...)) {
				t.Errorf("{%s}, want %v", got, c.want)
			}
			if len(c.want) == 1 && c.phases != strings.Join(phasesOf(d, c.want[0]), ", ") {
				t.Errorf("asked for in: %s; want %s", strings.Join(phasesOf(d, c.want[0]), ", "), c.phases)
			}
			said := strings.Join(strings.Fields(result.stdout), " ")
			for _, words := range c.says {
				if !strings.Contains(said, words) {
					t.Errorf("the report does not say %q:\n%s", words, result.stdout)
				}
			}
			if c.check != nil {
				c.check(t, d)
			}
		})
	}
}

// taken is a port that somebody listens on while the test runs.
func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestServicesThatGoWrong: a clear verdict, and nothing left behind.
func TestServicesThatGoWrong(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, debian)
	t.Run("group", func(t *testing.T) {
		for name, c := range map[string]struct {
			flags, command []string
			code           int
			// says is in the report, tells among the errors.
			says, tells string
		}{
			"never ready":              {[]string{"--ready", "log:never", "--timeout", "8s"}, serves(""), exitFailed, "was not ready after 8s (--timeout), as --ready log:never has it", ""},
			"never quiet":              {[]string{"--timeout", "8s"}, []string{"sh", "-c", "while :; do :; done"}, exitFailed, "was still at work after 8s", ""},
			"it ends":                  {[]string{"--ready", "tcp:8080"}, []string{"sh", "-c", "exit 3"}, exitFailed, "it ended by itself", ""},
			"flapping":                 {[]string{"--ready", "log:up", "--restarts", "0", "--timeout", "20s"}, []string{"sh", "-c", "n=0; while n=$((n+1)); do [ $n -gt 1 ] || chown 1 /tmp || { while :; do echo up; sleep 0.2; done; }; echo up; exec sleep 1000; done"}, exitProven, "CHOWN", ""},
			"a missing probe":          {[]string{"--probe", "no-such-program"}, serves("process.exit(0)"), exitUnfit, "", "exit code 127"},
			"a probe that fails":       {[]string{"--probe", "echo words; exit 4"}, serves("process.exit(0)"), exitUnfit, "", "| words"},
			"a probe that hangs":       {[]string{"--probe", "sleep 1000"}, serves("process.exit(0)"), exitUnfit, "", "it does not end"},
			"a missing command inside": {[]string{"--exec", "no-such-program"}, serves("process.exit(0)"), exitUnfit, "", "exit code 127"},
			"a disk that is full":      {[]string{"--tmpfs", "/full:size=4k"}, []string{"sh", "-c", "head -c 9000 /dev/zero >/full/file && exec sleep 1000"}, exitFailed, "", ""},
			"a disk that is read-only": {[]string{"--read-only"}, []string{"sh", "-c", "echo >/file && exec sleep 1000"}, exitFailed, "read-only", ""},
			"a flood of output":        {[]string{"--ready", "log:done", "--restarts", "0", "--stop-timeout", "1"}, []string{"sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' x; printf '\\ndone'; exec sleep 1000"}, exitProven, "", ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				args := append(append([]string{"run", "--network", "bridge"}, c.flags...), image, "--")
				result := invocation{engine: e, args: append(args, c.command...)}.run(t)
				result.expect(t, c.code)
				if said := strings.Join(strings.Fields(result.stdout), " "); !strings.Contains(said, c.says) {
					t.Errorf("the report does not say %q:\n%s", c.says, result.stdout)
				}
				result.mentions(t, c.tells)
			})
		}
	})
}

// TestServicesAndOthers: what somebody else does to a service's container is nobody's
// answer.
func TestServicesAndOthers(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, debian)
	for name, command := range map[string]string{"removed": "rm --force", "stopped": "stop --time 0", "killed": "kill"} {
		t.Run(name, func(t *testing.T) {
			seen := watch(t, e, patience, "type=container")
			running := invocation{engine: e, args: append([]string{"run", "--jobs", "1", "--ready", "after:20s", image, "--"}, serves("process.exit(0)")...)}.start(t)
			pid := running.cmd.Process.Pid
			if !seen.await(pid, "start", 1) {
				t.Fatal("no container was started")
			}
			names := containersOf(t, e, pid)
			if len(names) == 0 {
				t.Fatal("it has no container")
			}
			if _, err := e.Output(t.Context(), append(strings.Fields(command), strings.Fields(names[0])[0])...); err != nil {
				t.Fatal(err)
			}
			result := running.wait(t)
			result.expect(t, exitUnfit)
			result.mentions(t, "somebody")
			noContainersOf(t, e, pid)
		})
	}
}

// TestAKilledCapprofOfAService: whatever the step, clean takes away what is left.
func TestAKilledCapprofOfAService(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, debian)
	args := append([]string{"run", "--jobs", "1", "--volume", "/data", "--exec", "sleep 1", "--ready", "after:1s", image, "--"}, serves("setTimeout(process.exit, 1000, 0)")...)
	for _, c := range []struct {
		name, action string
		nth          int
	}{
		{"in its start", "start", 1},
		{"in its exercise", "exec_start:", 1},
		{"in its stop", "kill", 1},
		{"between two boots", "die", 1},
		{"in its restart", "start", 2},
		{"at its second boot", "create", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := watch(t, e, patience, "type=container")
			running := invocation{engine: e, args: args}.start(t)
			pid := running.cmd.Process.Pid
			if !seen.await(pid, c.action, c.nth) {
				running.cancel()
				t.Fatalf("it never came to %s: %s", c.action, running.wait(t).stderr)
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			running.wait(t)
			if len(containersOf(t, e, pid))+len(volumesOf(t, e, pid)) == 0 {
				t.Error("nothing was left, so this shows nothing")
			}
			// What it was doing with the engine may come to its end yet.
			deadline := time.Now().Add(30 * time.Second)
			for len(containersOf(t, e, pid))+len(volumesOf(t, e, pid)) > 0 {
				if time.Now().After(deadline) {
					t.Fatalf("still there: %v %v", containersOf(t, e, pid), volumesOf(t, e, pid))
				}
				invocation{engine: e, args: []string{"clean"}}.run(t).expect(t, 0)
			}
		})
	}
}
