package profile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "profile.json")
	want := profiletest.Proven()
	if err := profile.Writable(path); err != nil {
		t.Fatal(err)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Fatalf("Writable left %v", left)
	}
	for range 2 { // new, then over the old one
		if err := profile.Save(t.Context(), path, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := profile.Load(path)
	profile.Normalize(want)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Load = %+v, %v", got, err)
	}
	if left := names(t, dir); len(left) != 1 {
		t.Fatalf("Save left %v", left)
	}
}

func TestSaveKeepsModeAndLink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(real, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(real, 0o646); err != nil { // what no umask would leave
		t.Fatal(err)
	}
	if err := os.Symlink("real.json", link); err != nil {
		t.Fatal(err)
	}
	if err := profile.Save(t.Context(), link, profiletest.Empty()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(real)
	if err != nil || info.Mode() != 0o646 {
		t.Errorf("mode %v, %v; want the old one", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if _, err := profile.Load(real); err != nil {
		t.Error(err)
	}
}

func TestUnwritablePaths(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"empty":             {"", "the path is empty"},
		"a directory":       {dir, "is a directory"},
		"no such directory": {filepath.Join(dir, "no", "profile.json"), "no such file or directory"},
		"a file as folder":  {filepath.Join(file, "profile.json"), "not a directory"},
		// /proc takes no new files from anyone, root included.
		"no room": {"/proc/profile.json", "creating a file in /proc"},
	} {
		t.Run(name, func(t *testing.T) {
			for what, err := range map[string]error{"Writable": profile.Writable(c.path), "Save": profile.Save(t.Context(), c.path, profiletest.Empty())} {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), ".tmp") {
					t.Errorf("%s = %v, want an error with %q", what, err, c.want)
				}
			}
		})
	}
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("failures left %v", left)
	}
}

func TestAFailedSaveKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "profile.json")
	if err := profile.Save(t.Context(), path, profiletest.Empty()); err != nil {
		t.Fatal(err)
	}
	contradictory := profiletest.Proven()
	contradictory.Requirements[0].ProvenBy = 0
	if err := profile.Save(t.Context(), path, contradictory); err == nil {
		t.Fatal("a contradictory document was written")
	}
	// A write that fails half way: no file may grow beyond 100 bytes.
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	err := profile.Save(t.Context(), path, profiletest.Proven())
	if restore := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); restore != nil {
		t.Fatal(restore)
	}
	if err == nil || !strings.Contains(err.Error(), "file too large") {
		t.Fatalf("Save on a full disk = %v", err)
	}
	if got, err := profile.Load(path); err != nil || !got.Capabilities.Required.Empty() {
		t.Errorf("the old profile is gone: %v", err)
	}
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("a failed Save left %v", left)
	}
}

func TestSaveIntoAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := profile.Writable(path); err != nil {
		t.Fatal(err)
	}
	saved := make(chan error, 1)
	go func() { saved <- profile.Save(t.Context(), path, profiletest.Tolerated()) }()
	got, err := profile.Load(path)
	if err != nil || got.Verdict != profile.Proven {
		t.Errorf("Load = %v, %v", got, err)
	}
	if err := <-saved; err != nil {
		t.Error(err)
	}
}

// TestSaveIntoAPipeWithoutReader: nothing but the end of ctx ends the wait.
func TestSaveIntoAPipeWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	saved := make(chan error, 1)
	go func() { saved <- profile.Save(ctx, path, profiletest.Empty()) }()
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	select {
	case err := <-saved:
		if !errors.Is(err, interrupted) || !strings.Contains(err.Error(), path) {
			t.Errorf("Save = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Save still waits for a reader")
	}
	// A reader releases what still waits in open(2).
	if _, err := profile.Load(path); err != nil {
		t.Error(err)
	}
}

// TestSaveRefusesAPlantedLink: /tmp/profile.json may be a link that another user has
// made to a file of ours.
func TestSaveRefusesAPlantedLink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link of another user")
	}
	dir := t.TempDir()
	precious, link := filepath.Join(dir, "precious"), filepath.Join(dir, "profile.json")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink("precious", link), os.Lchown(link, 1000, 1000)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode    fs.FileMode
		refused bool
	}{{0o777 | fs.ModeSticky, true}, {0o755, false}} {
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"Writable": profile.Writable(link), "Save": profile.Save(t.Context(), link, profiletest.Empty())} {
			if (err != nil) != c.refused {
				t.Errorf("%v: %s = %v", c.mode, what, err)
			}
		}
		if data, err := os.ReadFile(precious); err != nil || c.refused && string(data) != "precious" {
			t.Errorf("%v: the file is %q, %v", c.mode, data, err)
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(path, []byte(`{"schemaVersion":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{path, path + ".none"} {
		if _, err := profile.Load(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("Load(%s) = %v, want an error that names it", bad, err)
		}
	}
}
