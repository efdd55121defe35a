package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/owner/ownertest"
	"github.com/capprof/capprof/internal/workload"
)

// usersVolume makes a volume that is not capprof's, with a file in it.
func usersVolume(t testing.TB, e *Engine, options map[string]string) volume.Volume {
	t.Helper()
	made, err := e.api.VolumeCreate(t.Context(), volume.CreateOptions{Name: fmt.Sprintf("capprof-docker-test-%s-%d", e.session, e.counter.Add(1)), DriverOpts: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Without force, so that one that is gone is an error.
		if err := e.api.VolumeRemove(noCancel(t), made.Name, false); err != nil {
			t.Error(err)
		}
	})
	if options == nil {
		if err := os.WriteFile(made.Mountpoint+"/users", []byte("own"), 0o604); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// volumesOf are the volumes that an adapter made and that are still there.
func volumesOf(t testing.TB, e *Engine) []string {
	t.Helper()
	found, err := e.api.VolumeList(noCancel(t), volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", sessionLabel+"="+e.session))})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range found.Volumes {
		names = append(names, v.Name)
	}
	return names
}

// runs are the runs of one workload on one engine.
type runs struct {
	t       testing.TB
	engine  *Engine
	options workload.Options
	data    engine.DataOptions
	said    bytes.Buffer
}

func newRuns(t testing.TB, policy workload.DataPolicy, volumes ...string) *runs {
	t.Helper()
	r := &runs{t: t, engine: newEngine(t), options: workload.Options{}.Set("volume", volumes...)}
	r.data = engine.DataOptions{Policy: policy, Progress: &r.said}
	t.Cleanup(func() {
		if left := volumesOf(t, r.engine); len(left) > 0 {
			t.Errorf("volumes are left: %q", left)
		}
	})
	return r
}

func (r *runs) subject(command ...string) engine.Subject {
	r.t.Helper()
	s, err := r.engine.Prepare(r.t.Context(), workload.Spec{Image: suite(r.t).image, Command: command, Options: r.options}, &r.said)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// begin makes the data of one run, which the test's end removes.
func (r *runs) begin() engine.Data {
	r.t.Helper()
	d, err := r.subject("exit", "0").Data(r.t.Context(), r.data)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		for range 2 { // what is gone is no error
			if err := d.Remove(noCancel(r.t)); err != nil {
				r.t.Error(err)
			}
		}
	})
	return d
}

// boot runs a command in a container of its own and returns its output, "" when it failed.
func (r *runs) boot(d engine.Data, command ...string) string {
	r.t.Helper()
	c, err := r.subject(command...).Create(r.t.Context(), engine.Conditions{Data: d})
	if err != nil {
		r.t.Fatal(err)
	}
	var stdout bytes.Buffer
	exit, err := engine.Run(r.t.Context(), c, engine.Stdio{Stdout: &stdout, Stderr: &r.said})
	if err := errors.Join(err, c.Remove(noCancel(r.t))); err != nil {
		r.t.Fatal(err)
	}
	if exit.Code != 0 {
		return ""
	}
	return "ok:" + stdout.String()
}

// refusal is why there is no data.
func (r *runs) refusal() error {
	r.t.Helper()
	d, err := r.subject("exit", "0").Data(r.t.Context(), r.data)
	if err == nil {
		_ = d.Remove(noCancel(r.t))
		r.t.Error("it is to be had")
	}
	return err
}

// TestTheBootsOfARunShareItsVolumes: a second container finds what the first one left,
// and another run does not.
func TestTheBootsOfARunShareItsVolumes(t *testing.T) {
	e := newEngine(t)
	users := usersVolume(t, e, nil)
	named := users.Name + ":/v"
	missing := "capprof-docker-test-missing-" + users.Name
	dir := filepath.Join(t.TempDir(), "missing")
	t.Cleanup(func() {
		if names, err := os.ReadDir(users.Mountpoint); err != nil || len(names) != 1 {
			t.Errorf("the user's volume holds %v, %v", names, err)
		}
		if found, err := e.api.VolumeList(noCancel(t), volume.ListOptions{Filters: filters.NewArgs(filters.Arg("name", missing))}); err != nil || len(found.Volumes) > 0 {
			t.Errorf("a volume of the user's was made: %v, %v", found.Volumes, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a directory of the user's was made: %v", err)
		}
	})
	for name, c := range map[string]struct {
		policy  workload.DataPolicy
		volumes []string
		at      string
		users   bool
	}{
		"named":                 {workload.FreshData, []string{named}, "/v", false},
		"named, copied":         {workload.CopiedData, []string{named}, "/v", true},
		"named, twice":          {workload.FreshData, []string{named, users.Name + ":/w:ro"}, "/v", false},
		"anonymous":             {workload.FreshData, []string{"/a"}, "/a", false},
		"the image's":           {workload.FreshData, nil, "/seed", false},
		"missing":               {workload.FreshData, []string{missing + ":/v"}, "/v", false},
		"missing, own":          {workload.OwnData, []string{missing + ":/v"}, "/v", false},
		"a missing directory":   {workload.OwnData, []string{dir + ":/d"}, "/d", false},
		"over the image's":      {workload.FreshData, []string{users.Name + ":/seed/"}, "/seed", false},
		"given and the image's": {workload.FreshData, []string{"/seed"}, "/seed", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRuns(t, c.policy, c.volumes...)
			first, second := r.begin(), r.begin()
			if got := r.boot(first, "write", c.at+"/f", "left"); got == "" {
				t.Fatalf("writing: %s", r.said.String())
			}
			if got := r.boot(first, "file", c.at+"/f"); got != "ok:left" {
				t.Errorf("the second boot finds %q: %s", got, r.said.String())
			}
			if got := r.boot(second, "file", c.at+"/f"); got != "" {
				t.Errorf("another run finds %q", got)
			}
			if got := r.boot(second, "file", c.at+"/users"); (got == "ok:own") != c.users {
				t.Errorf("of the user's it finds %q", got)
			}
			if len(c.volumes) == 2 && r.boot(first, "file", "/w/f") != "ok:left" {
				t.Error("one volume at two places is two")
			}
		})
	}
}

// TestTheImageFillsItsVolumes, as docker run fills a volume that is new.
func TestTheImageFillsItsVolumes(t *testing.T) {
	for _, volumes := range [][]string{nil, {"capprof-docker-test-no-such:/seed"}, {"/seed"}} {
		r := newRuns(t, workload.FreshData, volumes...)
		alone := r.boot(nil, "list", "/seed")
		if got := r.boot(r.begin(), "list", "/seed"); got != alone || !strings.Contains(got, "from-image") {
			t.Errorf("%q: %q, without data %q", volumes, got, alone)
		}
	}
	if err := (volumes{newEngine(t)}).remove(t.Context(), "capprof-docker-test-no-such"); err != nil {
		t.Error(err)
	}
}

func TestTheUsersOwnData(t *testing.T) {
	e := newEngine(t)
	users, dir := usersVolume(t, e, nil), t.TempDir()
	r := newRuns(t, workload.OwnData, users.Name+":/v", dir+":/d")
	if r.boot(r.begin(), "write", "/v/f", "left") == "" || r.boot(r.begin(), "write", "/d/f", "left") == "" {
		t.Fatal(r.said.String())
	}
	for _, file := range []string{users.Mountpoint + "/f", dir + "/f"} {
		if got, err := os.ReadFile(file); string(got) != "left" || err != nil {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	// What no run can write is shared under every policy, and never copied.
	for _, policy := range workload.DataPolicies() {
		r := newRuns(t, policy, users.Name+":/v:ro", dir+":/d:ro")
		r.data.Limit = 1
		d := r.begin()
		if got := r.boot(d, "file", "/v/users") + r.boot(d, "file", "/d/f"); got != "ok:ownok:left" || len(volumesOf(t, r.engine)) != 1 {
			t.Errorf("%s: %q with the volumes %q", policy, got, volumesOf(t, r.engine))
		}
	}
	// Directories stay the user's where volumes are new.
	r = newRuns(t, workload.FreshData, dir+":/d")
	if got := r.boot(r.begin(), "file", "/d/f"); got != "ok:left" {
		t.Errorf("a directory holds %q", got)
	}
}

func TestCopiesOfDirectories(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"file": "own", "d/below": "own", "alone": "own"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tree := filepath.Join(dir, "d")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(tree, link); err != nil {
		t.Fatal(err)
	}
	r := newRuns(t, workload.CopiedData, link+":/linked", tree+"/below:/one", tree+":/d:z", dir+"/alone:/two", "/dev/null:/three", dir+":/all:ro")
	first, second := r.begin(), r.begin()
	if r.boot(first, "write", "/d/below", "changed") == "" || r.boot(first, "write", "/two", "changed") == "" {
		t.Fatal(r.said.String())
	}
	for _, c := range []struct {
		data engine.Data
		file string
		want string
	}{
		{first, "/d/below", "ok:changed"},
		{first, "/one", "ok:changed"}, // the same file by another mount
		{first, "/linked/below", "ok:changed"},
		{first, "/two", "ok:changed"},
		{first, "/all/alone", "ok:own"},
		{first, "/three", "ok:"},
		{second, "/d/below", "ok:own"},
		{second, "/one", "ok:own"},
		{second, "/two", "ok:own"},
	} {
		if got := r.boot(c.data, "file", c.file); got != c.want {
			t.Errorf("%s: %q, want %q", c.file, got, c.want)
		}
	}
	for _, file := range []string{"d/below", "alone"} {
		if got := readFile(t, filepath.Join(dir, file)); got != "own" {
			t.Errorf("the user's %s is %q", file, got)
		}
	}
	if !strings.Contains(r.said.String(), "/dev/null is neither a file nor a directory") {
		t.Errorf("said %q", r.said.String())
	}
}

func TestDataThatCannotBeHad(t *testing.T) {
	e := newEngine(t)
	users := usersVolume(t, e, nil)
	network := usersVolume(t, e, map[string]string{"type": "nfs", "device": ":/none", "o": "addr=192.0.2.1"})
	memory := usersVolume(t, e, map[string]string{"type": "tmpfs", "device": "tmpfs"})
	for _, c := range []struct {
		policy workload.DataPolicy
		volume string
		limit  int64
		want   []string
	}{
		{workload.FreshData, network.Name + ":/v", 0, []string{network.Name, "a mount of :/none", "--volumes own"}},
		{workload.CopiedData, network.Name + ":/v", 0, []string{network.Name, "a mount of :/none"}},
		{workload.CopiedData, memory.Name + ":/v", 0, []string{memory.Name, "a tmpfs"}},
		{workload.CopiedData, users.Name + ":/v", 2, []string{users.Name, "limit of 2B", "--volumes-limit"}},
		{workload.CopiedData, "/sys:/v", 0, []string{"/sys", "made by the kernel"}},
	} {
		r := newRuns(t, c.policy, "/before", c.volume)
		r.data.Limit = c.limit
		err := r.refusal()
		if !errors.Is(err, engine.ErrBadWorkload) {
			t.Errorf("%s %s: %v", c.policy, c.volume, err)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s %s: %q does not say %q", c.policy, c.volume, err, word)
			}
		}
	}
	r := newRuns(t, workload.FreshData, memory.Name+":/v")
	if d := r.begin(); r.boot(d, "write", "/v/f", "x") == "" {
		t.Errorf("a tmpfs made anew: %s", r.said.String())
	}
}

// TestDataThatIsGivenUp leaves nothing: the volumes that were made are removed.
func TestDataThatIsGivenUp(t *testing.T) {
	users := usersVolume(t, newEngine(t), nil)
	if err := os.WriteFile(users.Mountpoint+"/large", make([]byte, 2*worthTelling), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRuns(t, workload.CopiedData, users.Name+":/v")
	ctx, cancel := context.WithCancel(t.Context())
	r.data.Progress = writerFunc(func(p []byte) (int, error) {
		cancel()
		return r.said.Write(p)
	})
	if _, err := r.subject("exit", "0").Data(ctx, r.data); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if want := "copying the volume " + users.Name + " for a run: 128MiB\n"; r.said.String() != want {
		t.Errorf("said %q, want %q", r.said.String(), want)
	}
	r.said.Reset()
	r.data.Progress = &r.said
	r.begin()
	if lines := strings.Count(r.said.String(), "\n"); lines != 10 || !strings.Contains(r.said.String(), "of 128MiB") {
		t.Errorf("%d lines: %q", lines, r.said.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestVolumesThatADeadCapprofLeft are removed, and what looks like them is not.
func TestVolumesThatADeadCapprofLeft(t *testing.T) {
	dead, alive := newEngine(t), newEngine(t)
	dead.owner = ownertest.Dead(t)
	left, err := volumes{dead}.make(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := volumes{alive}.make(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The labels are ours, the name is the user's.
	users, err := alive.api.VolumeCreate(t.Context(), volume.CreateOptions{Name: "capprof-docker-test-" + dead.session, Labels: left.Labels})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range []string{kept.Name, users.Name} {
			if err := alive.api.VolumeRemove(noCancel(t), name, false); err != nil {
				t.Error(err)
			}
		}
	})
	names, err := newEngine(t).RemoveLeftovers(t.Context())
	if err != nil || !slices.Contains(names, left.Name) || slices.Contains(names, kept.Name) || slices.Contains(names, users.Name) {
		t.Errorf("removed %q, %v", names, err)
	}
	if _, exists, err := (volumes{alive}).find(t.Context(), left.Name); exists || err != nil {
		t.Errorf("it is still there: %v", err)
	}
}
