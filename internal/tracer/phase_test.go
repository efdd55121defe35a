package tracer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
)

// batch is how many refused calls one request is good for.
const batch = 1000

// onRequest does for each line that it is told:
//
//	batch  makes refused calls, all alike
//	load   makes them all the while from now on
//	more   waits until the load has made some more
//	listen opens a TCP socket, and bind a UDP one
//
// and answers with a line. At the end of its input it says how many calls it made.
func onRequest(in io.Reader, out io.Writer) error {
	runtime.LockOSThread() // which has no capabilities
	var (
		count   atomic.Uint64
		stop    atomic.Bool
		stopped = make(chan error, 1)
		loaded  bool
	)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		switch lines.Text() {
		case "batch":
			if err := refused(&count, batch); err != nil {
				return err
			}
		case "load":
			loaded = true
			go func() {
				runtime.LockOSThread()
				if err := dropCapabilities(); err != nil {
					stopped <- err
					return
				}
				for !stop.Load() {
					if err := refused(&count, 1); err != nil {
						stopped <- err
						return
					}
				}
				stopped <- nil
			}()
		case "more":
			for until := count.Load() + batch; count.Load() < until; {
				runtime.Gosched()
			}
		case "listen":
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer listener.Close()
		case "bind":
			socket, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer socket.Close()
		}
		fmt.Fprintln(out, "done")
	}
	stop.Store(true)
	if loaded {
		if err := <-stopped; err != nil {
			return err
		}
	}
	fmt.Fprintln(out, count.Load())
	return nil
}

// refused makes calls that are refused and counts them.
func refused(count *atomic.Uint64, n int) error {
	for range n {
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, -5); !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("setpriority: %w", err)
		}
		count.Add(1)
	}
	return nil
}

// service is a container that does what it is asked.
type service struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
	end func() error
}

// serve starts a container that does what onRequest knows.
func serve(t *testing.T, cgroup string) *service {
	t.Helper()
	return serveWith(t, actor(t, cgroup, "on request"))
}

func serveWith(t *testing.T, cmd *exec.Cmd) *service {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &service{t, in, bufio.NewReader(out), cmd.Wait}
}

// ask waits until the service has done something.
func (s *service) ask(what string) {
	s.t.Helper()
	s.tell(what)
	if line, err := s.out.ReadString('\n'); err != nil || line != "done\n" {
		s.t.Fatalf("%s: %q, %v", what, line, err)
	}
}

func (s *service) tell(what string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, what); err != nil {
		s.t.Fatal(err)
	}
}

// stop returns how many calls it made.
func (s *service) stop() (count uint64) {
	s.t.Helper()
	if err := s.in.Close(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fscanln(s.out, &count); err != nil {
		s.t.Fatal(err)
	}
	if err := s.end(); err != nil {
		s.t.Fatal(err)
	}
	return count
}

// countIn sums a failed call up by phase.
func countIn(obs observation.Observation, call string, errno syscall.Errno) map[scenario.Phase]uint64 {
	counts := map[scenario.Phase]uint64{}
	for _, op := range find(obs, call, errno) {
		counts[op.Phase] += op.Count
	}
	return counts
}

func enter(t *testing.T, session *Session, phase scenario.Phase) {
	t.Helper()
	if err := session.Enter(phase); err != nil {
		t.Fatal(err)
	}
}

func attached(t *testing.T, cgroup string) *Session {
	t.Helper()
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tracer.Attach(Target{filepath.Base(cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	return session
}

var (
	booting  = scenario.Phase{Boot: scenario.FirstBoot, Step: scenario.Start}
	ready    = scenario.Phase{Boot: scenario.FirstBoot, Step: scenario.Ready}
	stopping = scenario.Phase{Boot: scenario.FirstBoot, Step: scenario.Stop}
)

// The same call again and again, which the programs know for a repeat: each is of the
// phase in which it was made.
func TestAlikeOperationsOfTwoPhasesAreTwo(t *testing.T) {
	cgroup := newCgroup(t, "phases")
	session := attached(t, cgroup)
	s := serve(t, cgroup)
	s.ask("batch")
	for _, phase := range []scenario.Phase{booting, ready, booting, stopping} {
		enter(t, session, phase)
		s.ask("batch")
		if phase == ready {
			s.ask("batch")
		}
	}
	s.stop()
	obs := finished(t, session)
	noLosses(t, obs)
	want := map[scenario.Phase]uint64{{}: batch, booting: 2 * batch, ready: 2 * batch, stopping: batch}
	got := countIn(obs, "setpriority", unix.EACCES)
	if len(got) != len(want) || len(find(obs, "setpriority", unix.EACCES)) != len(want) {
		t.Errorf("%v in %d operations, want %v", got, len(find(obs, "setpriority", unix.EACCES)), want)
	}
	for phase, count := range want {
		if got[phase] != count {
			t.Errorf("%d in the phase %q, want %d", got[phase], phase, count)
		}
	}
	for _, op := range find(obs, "setpriority", unix.EACCES) {
		if len(op.Checks) != 1 || len(op.Checks[0].Stack) == 0 || op.Comm == "" || !op.Init {
			t.Errorf("a phase's operation is incomplete: %+v", op)
		}
	}
}

func TestPhasesThatChangeUnderLoadLoseNothing(t *testing.T) {
	cgroup := newCgroup(t, "load")
	session := attached(t, cgroup)
	s := serve(t, cgroup)
	s.ask("load")
	for range 20 {
		for _, phase := range []scenario.Phase{booting, ready, stopping} {
			enter(t, session, phase)
			s.ask("more")
		}
	}
	// Faster than anything can be counted.
	for range 1000 {
		enter(t, session, booting)
		enter(t, session, ready)
	}
	made := s.stop()
	obs := finished(t, session)
	noLosses(t, obs)
	counts := countIn(obs, "setpriority", unix.EACCES)
	if sum := counts[scenario.Phase{}] + counts[booting] + counts[ready] + counts[stopping]; sum != made || len(counts) > 4 {
		t.Errorf("%d calls in %v, want %d", sum, counts, made)
	}
	for _, phase := range []scenario.Phase{booting, ready, stopping} {
		if counts[phase] < 10*batch {
			t.Errorf("%d calls in the phase %q", counts[phase], phase)
		}
	}
}

// Objects are told apart in each phase, whatever the earlier ones were full of.
func TestEachPhaseHasRoomForItsObjects(t *testing.T) {
	cgroup := newCgroup(t, "objects")
	session := attached(t, cgroup)
	actIn(t, cgroup, "paths")
	enter(t, session, stopping)
	actIn(t, cgroup, "paths")
	obs := finished(t, session)
	noLosses(t, obs)
	kinds := map[scenario.Phase]int{}
	for _, op := range find(obs, "sethostname", unix.EPERM) {
		kinds[op.Phase]++
	}
	if counts := countIn(obs, "sethostname", unix.EPERM); counts[scenario.Phase{}] != 2000 || counts[stopping] != 2000 {
		t.Errorf("%v refused calls, want 2000 each", counts)
	}
	if kinds[scenario.Phase{}] < 400 || kinds[stopping] < 400 {
		t.Errorf("operations by phase: %v", kinds)
	}
}

// A container, the same container started again, and another one, in one observation.
func TestFurtherStartsGoIntoOneObservation(t *testing.T) {
	first, second := newCgroup(t, "first"), newCgroup(t, "second")
	session := attached(t, first)
	calls := map[scenario.Boot]uint64{}
	for _, boot := range scenario.Boots() {
		cgroup := first
		if boot == scenario.SecondBoot {
			cgroup = second
		}
		if boot != scenario.FirstBoot {
			if err := session.Follow(Target{filepath.Base(cgroup)}); err != nil {
				t.Fatal(err)
			}
			renew(t, cgroup)
		}
		enter(t, session, scenario.Phase{Boot: boot, Step: scenario.Start})
		s := serve(t, cgroup)
		s.ask("batch")
		// A process from outside, as of docker exec.
		enter(t, session, scenario.Phase{Boot: boot, Step: scenario.Exec})
		actIn(t, cgroup, "chown")
		calls[boot] = s.stop()
	}
	obs := finished(t, session)
	noLosses(t, obs)
	if obs.Executions != 6 || obs.Sysctls[observation.UnprivilegedPortStart] == "" {
		t.Errorf("%d executions, sysctls %v", obs.Executions, obs.Sysctls)
	}
	pids := map[int]bool{}
	served := countIn(obs, "setpriority", unix.EACCES)
	entered := countIn(obs, "fchownat", unix.EPERM)
	for _, boot := range scenario.Boots() {
		if n := served[scenario.Phase{Boot: boot, Step: scenario.Start}]; n != calls[boot] {
			t.Errorf("%d calls in the %s, want %d", n, boot, calls[boot])
		}
		if n := entered[scenario.Phase{Boot: boot, Step: scenario.Exec}]; n != 1 {
			t.Errorf("%d chown in the %s", n, boot)
		}
	}
	for _, op := range find(obs, "setpriority", unix.EACCES) {
		pids[op.PID] = true
		if !op.Init || op.Joined {
			t.Errorf("of the first process: %+v", op)
		}
	}
	for _, op := range find(obs, "fchownat", unix.EPERM) {
		if op.Init || !op.Joined {
			t.Errorf("of a process from outside: %+v", op)
		}
	}
	if len(served) != 3 || len(entered) != 3 || len(pids) != 3 {
		t.Errorf("%v, %v, processes %v", served, entered, pids)
	}
}

// What a container's first process starts is none itself.
func TestChildrenOfTheFirstProcessAreNotTheFirst(t *testing.T) {
	obs := traced(t, "children")
	for _, op := range find(obs, "fchownat", unix.EPERM) {
		if op.Init || op.Joined {
			t.Errorf("%+v", op)
		}
	}
	if ops := find(obs, "prctl", 0); len(ops) == 0 || !ops[0].Init { // PR_CAPBSET_DROP
		t.Errorf("of the first process: %+v", ops)
	}
}

// A container that was to be started again and was not, as far as can be seen.
func TestAStartThatIsNotSeenIsALoss(t *testing.T) {
	cgroup := newCgroup(t, "once")
	session := attached(t, cgroup)
	actIn(t, cgroup, "chown")
	for _, name := range []string{filepath.Base(cgroup), "a-cgroup-that-nobody-is-in"} {
		if err := session.Follow(Target{name}); err != nil {
			t.Fatal(err)
		}
	}
	obs := finished(t, session)
	if obs.Losses != (observation.Losses{Unseen: 2}) || countOf(obs, "fchownat", unix.EPERM) != 1 {
		t.Errorf("losses %+v, operations %+v", obs.Losses, obs.Operations)
	}
}

// What another start loses makes the whole observation incomplete.
func TestALossOfAnyStartIsALoss(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cgroup := newCgroup(t, "loud")
	tracer.shrink = smallTable("operations", 256)
	session, err := tracer.Attach(Target{filepath.Base(cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	actIn(t, cgroup, "capset")
	if err := session.Follow(Target{filepath.Base(cgroup)}); err != nil {
		t.Fatal(err)
	}
	renew(t, cgroup)
	actIn(t, cgroup, "paths")
	obs := finished(t, session)
	if obs.Losses.Operations == 0 || strings.TrimSpace(obs.Sysctls[observation.PingGroupRange]) == "" {
		t.Errorf("losses: %+v, sysctls %v", obs.Losses, obs.Sysctls)
	}
}
