package machines

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMirrorsAreThoseOfTheMachine(t *testing.T) {
	const defaultOnly = "https://packages.example.com/apt stable\n"
	for name, c := range map[string]struct{ targets, archive, security string }{
		"debian's own": {
			"http://deb.debian.org/debian/ bookworm\nhttp://deb.debian.org/debian/ bookworm-updates\nhttp://deb.debian.org/debian-security/ bookworm-security\n",
			"http://deb.debian.org/debian/", "http://deb.debian.org/debian-security/",
		},
		"updates first":   {"http://m/debian/ trixie-updates\nhttp://m/debian/ trixie\n", "http://m/debian/", ""},
		"others' as well": {defaultOnly + "http://m/debian trixie\n", "http://m/debian", ""},
		"none":            {defaultOnly, defaultMirror, ""},
	} {
		if archive, security := mirrors(c.targets); archive != c.archive || security != c.security {
			t.Errorf("%s: %q, %q", name, archive, security)
		}
	}
}

func TestContentsAreFilesAndHashesWhereverTheyComeFrom(t *testing.T) {
	one, err := contents("'http://a/x_1_amd64.deb' x_1_amd64.deb 10 SHA256:1\n'http://a/y_2_all.deb' y_2_all.deb 20 \n")
	if err != nil {
		t.Fatal(err)
	}
	other, err := contents("'http://b/y_2_all.deb' y_2_all.deb 20 \n'http://b/x_1_amd64.deb' x_1_amd64.deb 10 SHA256:1\n")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one, other) || len(one) != 2 || key(one) != key(other) {
		t.Errorf("%q and %q", one, other)
	}
	newer, err := contents("'http://a/x_2_amd64.deb' x_2_amd64.deb 10 SHA256:2\n'http://a/y_2_all.deb' y_2_all.deb 20 \n")
	if err != nil || key(newer) == key(one) {
		t.Errorf("another version has the same key; %v", err)
	}
	if _, err := contents("Reading package lists...\n"); err == nil {
		t.Error("no package is no error")
	}
}

func TestTheNewestKernelOfAVersionIsTaken(t *testing.T) {
	names := []string{
		"linux-image-6.18.9+deb13-cloud-amd64", "linux-image-6.18.15+deb13-cloud-amd64", "linux-image-6.18.15+deb13-amd64",
		"linux-image-6.18.15+deb13-cloud-amd64-dbg", "linux-image-6.1.0-40-cloud-amd64", "linux-image-6.18.15+deb13-rt-amd64", "linux-image-cloud-amd64",
	}
	found := imagesOf("6.18", names)
	if want := []string{"linux-image-6.18.9+deb13-cloud-amd64", "linux-image-6.18.15+deb13-cloud-amd64"}; !slices.Equal(found, want) {
		t.Errorf("6.18: %q, want %q", found, want)
	}
	if found := imagesOf("6.1", names); !slices.Equal(found, []string{"linux-image-6.1.0-40-cloud-amd64"}) {
		t.Errorf("6.1: %q", found)
	}
	if found := imagesOf("5.4", names); len(found) > 0 {
		t.Errorf("5.4: %q", found)
	}
}

// test keys, as long as real ones.
var (
	keyA = strings.Repeat("a", keyLength)
	keyB = strings.Repeat("b", keyLength)
)

func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAPartIsBuiltOnceAndReplacedWhenItsKeyChanges(t *testing.T) {
	c := &Cache{dir: t.TempDir(), progress: io.Discard}
	var built atomic.Int32
	with := func(key string) part {
		return part{name: "kernel-x", key: key, build: func(_ context.Context, dir string) error {
			built.Add(1)
			return os.WriteFile(filepath.Join(dir, "file"), []byte(key), 0o644)
		}}
	}
	// One of a longer name, which is not touched.
	other := with(keyA)
	other.name = "kernel-x-6.18"
	if _, done, err := c.have(t.Context(), other); err != nil {
		t.Fatal(err)
	} else {
		done()
	}
	built.Store(0)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, done, err := c.have(t.Context(), with(keyA))
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != keyA {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	group.Wait()
	if built.Load() != 1 {
		t.Errorf("built %d times", built.Load())
	}
	_, done, err := c.have(t.Context(), with(keyB))
	if err != nil {
		t.Fatal(err)
	}
	done()
	if got, want := entries(t, c.dir), []string{"kernel-x-6.18-" + keyA, "kernel-x-" + keyB}; !slices.Equal(got, want) {
		t.Errorf("the cache has %q, want %q", got, want)
	}
}

func TestAPartThatIsUsedIsNotReplaced(t *testing.T) {
	c := &Cache{dir: t.TempDir(), progress: io.Discard}
	build := func(context.Context, string) error { return nil }
	dir, done, err := c.have(t.Context(), part{name: "x", key: keyA, build: build})
	if err != nil {
		t.Fatal(err)
	}
	replaced := make(chan error, 1)
	go func() {
		_, done, err := c.have(t.Context(), part{name: "x", key: keyB, build: func(context.Context, string) error {
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				return errors.New("the former one is there")
			}
			return nil
		}})
		if err == nil {
			done()
		}
		replaced <- err
	}()
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("while it is used: %v", err)
	}
	done()
	if err := <-replaced; err != nil {
		t.Error(err)
	}
}

func TestAnInterruptedBuildLeavesNothingHalf(t *testing.T) {
	c := &Cache{dir: t.TempDir(), progress: io.Discard}
	// As a process leaves it that was killed.
	if err := os.MkdirAll(filepath.Join(c.dir, "x-"+keyA+".partial", "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	fails := errors.New("no network")
	_, _, err := c.have(t.Context(), part{name: "x", key: keyA, build: func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "file"), nil, 0o644), fails)
	}})
	if !errors.Is(err, fails) {
		t.Errorf("got %v", err)
	}
	if got := entries(t, c.dir); len(got) > 0 {
		t.Errorf("the cache has %q", got)
	}
	_, done, err := c.have(t.Context(), part{name: "x", key: keyA, build: func(_ context.Context, dir string) error {
		if got := entries(t, dir); len(got) > 0 {
			t.Errorf("the build starts with %q", got)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	done()
}

func TestAWaitForALockEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := lock(t.Context(), path, exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer held.unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path, shared); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestArgumentsReachTheMachineAsTheyAre(t *testing.T) {
	work := t.TempDir()
	share := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(share, "file"), []byte("text"), 0o755), os.MkdirAll(filepath.Join(share, "out", "old"), 0o755)); err != nil {
		t.Fatal(err)
	}
	args := []string{"printf", `%s\n`, "it's", "a b", "", "$HOME"}
	if err := pack(t.Context(), Command{Args: args, Share: share}, work); err != nil {
		t.Fatal(err)
	}
	machine := t.TempDir()
	if _, err := run(t.Context(), "tar", "-C", machine, "-xf", filepath.Join(work, "share.tar")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(machine, ".command"))
	if err != nil {
		t.Fatal(err)
	}
	script = []byte(strings.Replace(string(script), "cd /share\n", "", 1))
	out, err := run(t.Context(), "sh", "-c", string(script))
	if err != nil || string(out) != "it's\na b\n\n$HOME\n" {
		t.Errorf("%q, %v", out, err)
	}
	if info, err := os.Stat(filepath.Join(machine, "file")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the shared file: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(machine, "out")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what came out of an earlier machine went into this one: %v", err)
	}
}

func TestWhatAKilledRunLeftIsRemoved(t *testing.T) {
	c := &Cache{dir: t.TempDir(), progress: io.Discard}
	killed := filepath.Join(c.dir, "run-1")
	if err := errors.Join(os.Mkdir(killed, 0o755), os.WriteFile(filepath.Join(killed, "lock"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	one, leaveOne, err := c.workIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, leaveOther, err := c.workIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Base(one), filepath.Base(other)}
	slices.Sort(want)
	if got := entries(t, c.dir); !slices.Equal(got, want) {
		t.Errorf("the cache has %q, want %q", got, want)
	}
	if err := errors.Join(leaveOne(), leaveOther()); err != nil {
		t.Error(err)
	}
	if got := entries(t, c.dir); len(got) > 0 {
		t.Errorf("the cache has %q", got)
	}
}
