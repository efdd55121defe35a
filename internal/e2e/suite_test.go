package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// imageName names one of the test images.
type imageName string

const (
	debian  imageName = "debian"
	scratch imageName = "scratch"
	// fileCaps is scratch with file capabilities on its entrypoint.
	fileCaps imageName = "filecaps"
	// anonymousVolume is scratch with a VOLUME.
	anonymousVolume imageName = "volume"
)

// suite is what the tests share; each part is made when the first test asks.
type suite struct {
	mu     sync.Mutex
	dir    string
	engine *testengine.Engine
	images map[imageName]string
	binary string
	// failed remembers what could not be made, so that each test that needs it
	// says so, and only the first one waits.
	failed map[string]error
}

var shared suite

// width is how many tests run side by side unless -parallel says otherwise: most
// of a container's life is waiting, so more than there are processors.
const width = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if !told {
		if err := flag.Set("test.parallel", width); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
	}
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: cleaning up:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// once makes a part of the suite under the lock, and remembers a failure.
func (s *suite) once(name string, produce func(context.Context) error) error {
	if err, ok := s.failed[name]; ok {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	err := produce(ctx)
	if s.failed == nil {
		s.failed = map[string]error{}
	}
	s.failed[name] = err
	return err
}

// workDir is a directory of the suite's that other users may enter.
func (s *suite) workDir() (string, error) {
	err := s.once("directory", func(context.Context) (err error) {
		if s.dir, err = os.MkdirTemp("", "capprof-e2e-"); err != nil {
			return err
		}
		return os.Chmod(s.dir, 0o755)
	})
	return s.dir, err
}

// engineOf returns the suite's engine.
func engineOf(t testing.TB) *testengine.Engine {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.engineLocked(t)
}

func (s *suite) engineLocked(t testing.TB) *testengine.Engine {
	t.Helper()
	err := s.once("engine", func(ctx context.Context) (err error) {
		s.engine, err = testengine.ForSuite(ctx)
		return err
	})
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	return s.engine
}

// importImage imports a test image into an engine.
func importImage(ctx context.Context, e *testengine.Engine, name imageName) (string, error) {
	switch name {
	case debian:
		return testimage.Debian(ctx, e, os.Stderr)
	case scratch:
		return testimage.Scratch(ctx, e)
	case fileCaps:
		return testimage.FileCaps(ctx, e)
	case anonymousVolume:
		return testimage.Volume(ctx, e)
	}
	return "", fmt.Errorf("no test image %q", name)
}

// imageOf returns the reference of a test image on the suite's engine.
func imageOf(t testing.TB, name imageName) string {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	e := shared.engineLocked(t)
	err := shared.once("image "+string(name), func(ctx context.Context) error {
		reference, err := importImage(ctx, e, name)
		if err != nil {
			return err
		}
		if shared.images == nil {
			shared.images = map[imageName]string{}
		}
		shared.images[name] = reference
		return nil
	})
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	return shared.images[name]
}

// binaryEnv names a capprof to test instead of one that is built from this tree:
// an installed one, or one built with other flags.
const binaryEnv = "CAPPROF_TEST_BINARY"

// binaryOf returns the path of capprof.
func binaryOf(t testing.TB) string {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	err := shared.once("binary", func(ctx context.Context) error {
		if shared.binary = os.Getenv(binaryEnv); shared.binary != "" {
			return nil
		}
		dir, err := shared.workDir()
		if err != nil {
			return err
		}
		shared.binary = filepath.Join(dir, "capprof")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", shared.binary, "github.com/capprof/capprof/cmd/capprof")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building capprof: %w: %s", err, output)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return shared.binary
}

// close removes the images, ends the engine when it is the suite's own and
// deletes the files.
func (s *suite) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var problems []error
	if s.engine != nil {
		for _, reference := range s.images {
			problems = append(problems, testimage.Remove(ctx, s.engine, reference))
		}
		problems = append(problems, s.engine.Stop(ctx))
	}
	if s.dir != "" {
		problems = append(problems, os.RemoveAll(s.dir))
	}
	return errors.Join(problems...)
}
