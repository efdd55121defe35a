package tracer

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// traced runs an act in a cgroup of its own and returns what was seen.
func traced(t *testing.T, act string) observation.Observation {
	t.Helper()
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return tracedBy(t, tracer, act)
}

func tracedBy(t *testing.T, tracer *Tracer, act string) observation.Observation {
	t.Helper()
	cgroup := newCgroup(t, act)
	session, err := tracer.Attach(Target{filepath.Base(cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	actIn(t, cgroup, act)
	return finished(t, session)
}

func finished(t *testing.T, session *Session) observation.Observation {
	t.Helper()
	obs, err := session.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return obs
}

// find returns the operations of a call, failed or not.
func find(obs observation.Observation, call string, errno syscall.Errno) []observation.Operation {
	return slices.DeleteFunc(slices.Clone(obs.Operations), func(o observation.Operation) bool {
		return o.Syscall != call || o.Errno != errno
	})
}

func noLosses(t *testing.T, obs observation.Observation) {
	t.Helper()
	if obs.Losses != (observation.Losses{}) {
		t.Errorf("losses: %+v", obs.Losses)
	}
}

func TestCallsThatDependOnSysctlsAreCounted(t *testing.T) {
	for act, want := range map[string]uint64{"network": 4, "another network": 0, "chown": 0} {
		t.Run(act, func(t *testing.T) {
			obs := traced(t, act)
			noLosses(t, obs)
			for _, name := range []string{observation.UnprivilegedPortStart, observation.PingGroupRange} {
				if got := obs.SysctlUses[name]; got != want {
					t.Errorf("%d calls depend on %s, want %d", got, name, want)
				}
			}
		})
	}
}

func TestAFailedCallIsSeenWithItsChecksAndObject(t *testing.T) {
	obs := traced(t, "chown")
	noLosses(t, obs)
	ops := find(obs, "fchownat", unix.EPERM)
	if len(ops) != 1 {
		t.Fatalf("%d failed fchownat, want 1: %+v", len(ops), obs.Operations)
	}
	op := ops[0]
	if !op.Entered || !op.Returned || op.Count != 1 || op.Starting || op.Joined {
		t.Errorf("%+v", op)
	}
	if !strings.HasSuffix(op.Object.Path, "/file") || !strings.HasPrefix(op.Object.Path, os.TempDir()+"/capprof") {
		t.Errorf("path %q", op.Object.Path)
	}
	// Started as /proc/self/exe, which says nothing.
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if op.Permitted != 0 || op.UID != 0 || op.Executable != executable {
		t.Errorf("permitted %v, uid %d, executable %q, want %q", op.Permitted, op.UID, op.Executable, executable)
	}
	if len(op.Checks) != 1 || op.Checks[0].Capability != capability.Chown || op.Checks[0].Granted || op.Checks[0].Overridden ||
		op.Checks[0].Namespace != observation.ContainerNamespace {
		t.Fatalf("checks %+v", op.Checks)
	}
	if !slices.Contains(op.Checks[0].Stack, "chown_common") {
		t.Errorf("stack %v", op.Checks[0].Stack)
	}
}

func TestRepeatsAreCountedOnce(t *testing.T) {
	obs := traced(t, "setpriority")
	noLosses(t, obs)
	var count uint64
	ops := find(obs, "setpriority", unix.EACCES)
	for _, op := range ops {
		count += op.Count
	}
	// The runtime may move the loop between threads, but not make it many kinds.
	if count != 100000 || len(ops) != 1 {
		t.Fatalf("%d in %d operations, want 100000 in 1: %+v", count, len(ops), ops)
	}
	if len(ops[0].Checks) != 1 || ops[0].Checks[0].Capability != capability.SysNice || len(ops[0].Checks[0].Stack) == 0 {
		t.Errorf("checks %+v", ops[0].Checks)
	}
}

func TestManyObjectsShareAnEntryRatherThanGetLost(t *testing.T) {
	obs := traced(t, "paths")
	noLosses(t, obs)
	var count uint64
	ops := find(obs, "sethostname", unix.EPERM)
	for _, op := range ops {
		count += op.Count
	}
	if count != 2000 || len(ops) < 400 || len(ops) > 600 {
		t.Fatalf("%d refused in %d operations, want 2000 in about 512", count, len(ops))
	}
}

func TestCapsetCarriesTheSet(t *testing.T) {
	obs := traced(t, "capset")
	noLosses(t, obs)
	ops := find(obs, "capset", unix.EPERM)
	want := capability.Of(capability.NetBindService, capability.SysTime, capability.Syslog)
	inheritable := capability.Of(capability.Chown, capability.MACAdmin)
	if len(ops) != 1 || ops[0].Object.Capabilities != want || ops[0].Object.Inheritable != inheritable {
		t.Fatalf("capset: %+v, want %v and inheritable %v", ops, want, inheritable)
	}
}

func TestClone3CarriesItsArguments(t *testing.T) {
	obs := traced(t, "clone3")
	noLosses(t, obs)
	ops := find(obs, "clone3", unix.EPERM)
	if len(ops) != 1 || ops[0].Object.ChosenIDs != 1 || ops[0].Object.CloneFlags != unix.CLONE_NEWUTS {
		t.Fatalf("clone3: %+v", ops)
	}
}

func TestAMissingDeviceIsSeenAndOtherMissingFilesAreNot(t *testing.T) {
	obs := traced(t, "device")
	noLosses(t, obs)
	ops := find(obs, "openat", unix.ENOENT)
	if len(ops) != 1 || ops[0].Object.Path != "/dev/capprof-missing" {
		t.Errorf("%+v", ops)
	}
}

func TestChildrenAreFollowedThroughForkAndExec(t *testing.T) {
	obs := traced(t, "children")
	noLosses(t, obs)
	var count uint64
	for _, op := range find(obs, "fchownat", unix.EPERM) {
		if !strings.HasSuffix(op.Executable, "/chown") || op.Comm != "chown" || op.Object.Path != "/" {
			t.Errorf("by %q (%s) on %q", op.Executable, op.Comm, op.Object.Path)
		}
		count += op.Count
	}
	if count != 2 || obs.Executions < 4 {
		t.Fatalf("%d refused, %d executions; want 2 and at least 4", count, obs.Executions)
	}
}

func TestSettingsOfTheNetworkNamespaceAreRead(t *testing.T) {
	obs := traced(t, "chown")
	for name, file := range map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "/proc/sys/net/ipv4/ip_unprivileged_port_start",
		"net.ipv4.ping_group_range":           "/proc/sys/net/ipv4/ping_group_range",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The act runs in our own network namespace.
		if want := strings.Join(strings.Fields(string(text)), " "); obs.Sysctls[name] != want {
			t.Errorf("%s is %q, want %q", name, obs.Sysctls[name], want)
		}
	}
}

func TestOtherCgroupsAreNotSeen(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tracer.Attach(Target{"a-cgroup-that-nobody-is-in"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), actEnv+"=chown")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	obs := finished(t, session)
	if len(obs.Operations) != 0 || obs.Executions != 0 {
		t.Fatalf("%d operations of others: %+v", len(obs.Operations), obs.Operations)
	}
}

// A signal says a number, which differs from run to run: the program that it is meant
// for is what tells people why.
func TestTargetOfASignal(t *testing.T) {
	refused := find(traced(t, "signal"), "kill", unix.EPERM)
	if len(refused) != 2 {
		t.Errorf("%d calls, want the process's and the group's", len(refused))
	}
	for _, op := range refused {
		if filepath.Base(op.Object.TargetExecutable) != "cat" || op.Object.Signal != unix.SIGTERM {
			t.Errorf("%+v", op)
		}
	}
}
