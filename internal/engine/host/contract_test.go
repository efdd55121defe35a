package host

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/enginetest"
	"github.com/capprof/capprof/internal/engine/host/inside"
	"github.com/capprof/capprof/internal/owner/ownertest"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

func TestMain(m *testing.M) {
	inside.Main()
	if os.Getenv(asVictimEnv) != "" {
		os.Exit(victim())
	}
	os.Exit(m.Run())
}

// needRoot skips where plain processes cannot be made.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "plain processes are made by root")
	}
}

// unpack puts the suite's file system into a directory of the machine.
func unpack(t testing.TB) string {
	t.Helper()
	archive, err := enginetest.Archive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("", "capprof-hosttest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(root, header.Name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		switch header.Typeflag {
		case tar.TypeDir:
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		case tar.TypeSymlink:
			target := header.Linkname
			if filepath.IsAbs(target) {
				target = filepath.Join(root, target)
			}
			if err := os.Symlink(target, at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		content, err := io.ReadAll(files)
		if err == nil {
			err = os.WriteFile(at, content, os.FileMode(header.Mode))
		}
		if attribute, ok := header.PAXRecords[enginetest.CapabilityRecord]; ok && err == nil {
			err = unix.Setxattr(at, "security.capability", []byte(attribute), 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Options{Note: func(note string) { t.Log(note) }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestContract(t *testing.T) {
	needRoot(t)
	root := unpack(t)
	const service = "a service"
	const noImages = "plain processes have no images"
	at, err := findUnified()
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, enginetest.Setup{
		Without: map[string]string{
			"an unknown image":          noImages,
			"an existing container":     "plain processes are no containers that others could have made",
			"what outlives a container": "plain processes have no volumes with names, and no image that has any",
			"an address":                "plain processes have the machine's address and ports, and none of their own to publish",
		},
		Root: root, Service: service, Reachable: true,
		Spec: func(image string, args ...string) workload.Spec {
			options := workload.Options{}.Set("env", "PATH="+root).Set("network", "none").
				Set("sysctl", "net.ipv4.ip_unprivileged_port_start=0").Set("workdir", "/")
			if image == service {
				check := root + strings.Join(enginetest.HealthCheck, " ")
				options = options.Set("stop-signal", enginetest.StopSignal).
					Set("health-cmd", check).Set("health-interval", "100ms").Set("health-retries", "2")
			}
			return workload.Spec{Command: append([]string{root + enginetest.Program}, args...), Options: options}
		},
		Open: func(t testing.TB) engine.Engine { return open(t) },
		Orphan: func(t testing.TB) engine.Engine {
			e := open(t)
			e.owner = ownertest.Dead(t)
			return e
		},
		Exists: func(t testing.TB, id string) bool {
			_, err := os.Stat(filepath.Join(at.parent, namePrefix+id))
			return err == nil
		},
		Left: func(t testing.TB, e engine.Engine) []string {
			left, err := filepath.Glob(filepath.Join(at.parent, namePrefix+e.(*Engine).session+"-*"))
			if err != nil {
				t.Fatal(err)
			}
			return left
		},
	})
}
