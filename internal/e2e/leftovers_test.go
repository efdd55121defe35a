package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
)

// ownerLabel is on each container that capprof makes; the last but one of its
// fields, between slashes, is the process ID of that capprof.
const ownerLabel = "dev.capprof.owner"

// ownerPID reads the process ID of the label.
func ownerPID(label string) (int, error) {
	fields := strings.Split(label, "/")
	if len(fields) < 2 {
		return 0, fmt.Errorf("owner %q has no process ID", label)
	}
	return strconv.Atoi(fields[len(fields)-2])
}

// containersOf lists the containers that one capprof has on the engine.
func containersOf(t testing.TB, e *testengine.Engine, pid int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	return ownedBy(t, pid, func() ([]string, error) {
		return e.Lines(ctx, "ps", "--all", "--no-trunc", "--filter", "label="+ownerLabel,
			"--format", `{{.Label "`+ownerLabel+`"}} {{.Names}} {{.Status}}`)
	})
}

// volumesOf lists the volumes that one capprof made.
func volumesOf(t testing.TB, e *testengine.Engine, pid int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	return ownedBy(t, pid, func() ([]string, error) {
		return e.Lines(ctx, "volume", "ls", "--filter", "label="+ownerLabel, "--format", `{{.Label "`+ownerLabel+`"}} {{.Name}}`)
	})
}

// ownedBy are the rests of those lines that begin with the label of a capprof.
func ownedBy(t testing.TB, pid int, list func() ([]string, error)) []string {
	t.Helper()
	lines, err := list()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, line := range lines {
		label, rest, _ := strings.Cut(line, " ")
		owner, err := ownerPID(label)
		if err != nil {
			t.Fatal(err)
		}
		if owner == pid {
			found = append(found, rest)
		}
	}
	return found
}

// noContainersOf fails the test when the capprof left a container or a volume behind. Where
// the engine can't be asked, because that is what the test is about, it does nothing.
func noContainersOf(t testing.TB, e *testengine.Engine, pid int) {
	t.Helper()
	if strings.Contains(e.Host, "nonexistent") {
		return
	}
	if found := containersOf(t, e, pid); len(found) > 0 {
		t.Errorf("capprof left containers behind: %q", found)
	}
	if found := volumesOf(t, e, pid); len(found) > 0 {
		t.Errorf("capprof left volumes behind: %q", found)
	}
}

// belongings are what an engine holds, by kind.
type belongings map[string][]string

// listing says how docker lists each kind.
var listing = map[string][]string{
	"images":   {"images", "--all", "--quiet", "--no-trunc"},
	"volumes":  {"volume", "ls", "--quiet"},
	"networks": {"network", "ls", "--quiet", "--no-trunc"},
}

// belongingsOf lists them. Containers are checked by their owner, in run.
func belongingsOf(t testing.TB, e *testengine.Engine) belongings {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	found := belongings{}
	for kind, args := range listing {
		lines, err := e.Lines(ctx, args...)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(lines)
		found[kind] = slices.Compact(lines)
	}
	return found
}

// since lists what was not there before.
func (b belongings) since(before belongings) []string {
	var added []string
	for kind, names := range b {
		for _, name := range names {
			if !slices.Contains(before[kind], name) {
				added = append(added, kind+" "+name)
			}
		}
	}
	return added
}

// keepsEngineClean fails the test when images, volumes or networks remain that
// were not there. It is for a test that has no parallel siblings. Test packages
// that share the engine come and go, so it looks again at each event of the
// engine until only what stays is left.
func keepsEngineClean(t *testing.T) {
	t.Helper()
	e := engineOf(t)
	for _, name := range []imageName{debian, scratch, fileCaps, anonymousVolume} {
		imageOf(t, name) // not to be taken for a leftover
	}
	before := belongingsOf(t, e)
	t.Cleanup(func() {
		if len(belongingsOf(t, e).since(before)) == 0 {
			return
		}
		events := watch(t, e, 20*time.Second)
		for {
			added := belongingsOf(t, e).since(before)
			if len(added) == 0 {
				return
			}
			if _, ok := <-events.lines; !ok {
				t.Errorf("left on the engine: %q", added)
				return
			}
		}
	})
}

// events is the engine's event stream, a line each.
type events struct{ lines <-chan string }

// watch follows the engine's events from now on for as long as told; then, and
// at the end of the test, the channel is closed.
func watch(t testing.TB, e *testengine.Engine, lasting time.Duration, filters ...string) events {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), lasting)
	args := []string{
		"events", "--format", `{{.Type}} {{.Action}} {{.ID}} {{index .Actor.Attributes "` + ownerLabel + `"}}`,
		// The stream begins here even if the connection is made later.
		"--since", strconv.FormatFloat(float64(time.Now().UnixMicro())/1e6, 'f', 6, 64),
	}
	for _, filter := range filters {
		args = append(args, "--filter", filter)
	}
	cmd := e.Command(ctx, args...)
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("following the engine's events: %v", err)
	}
	lines := make(chan string, 256)
	go follow(cmd, output, lines)
	t.Cleanup(cancel)
	return events{lines}
}

func follow(cmd *exec.Cmd, output io.Reader, lines chan<- string) {
	defer close(lines)
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		lines <- scanner.Text()
	}
	// The context ends it; how is of no interest.
	_ = cmd.Wait()
}

// await returns when the nth container of the capprof reaches the state: create,
// start, die or destroy. It returns false when that never happens.
func (ev events) await(pid int, action string, nth int) bool {
	for line := range ev.lines {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != "container" || fields[1] != action {
			continue
		}
		// The action of an exec has its command behind it.
		if owner, err := ownerPID(fields[len(fields)-1]); err != nil || owner != pid {
			continue
		}
		if nth--; nth == 0 {
			return true
		}
	}
	return false
}
