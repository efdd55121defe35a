package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/enginetest"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

// machine is the engine of the tests and the image that they run.
type machine struct {
	*testengine.Engine
	// image is the ID of the image, other that of one that only says something else.
	image, other string
	// service is that of an image of a service.
	service string
}

// shared is made by the first test that needs an engine: those of a fake one need
// none.
var shared = sync.OnceValues(prepareMachine)

// archive is the image's file system.
var archive = sync.OnceValues(func() ([]byte, error) { return enginetest.Archive(context.Background()) })

func TestMain(m *testing.M) {
	if host := os.Getenv(asNobodyEnv); host != "" {
		os.Exit(infoAsNobody(host))
	}
	code := m.Run()
	if used.Load() {
		if err := releaseMachine(); err != nil {
			fmt.Fprintln(os.Stderr, "internal/engine/docker: cleaning up:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// used says that shared was asked for.
var used atomic.Bool

func prepareMachine() (*machine, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	made, err := testengine.ForSuite(ctx)
	if err != nil {
		return nil, err
	}
	m := &machine{Engine: made}
	e, err := connect(m.Host, os.LookupEnv, Options{})
	if err != nil {
		return nil, errors.Join(err, made.Stop(ctx))
	}
	defer e.Close()
	if m.image, err = importImage(ctx, e, "default"); err == nil {
		m.other, err = importImage(ctx, e, "other")
	}
	if err == nil {
		m.service, err = serviceImage(ctx, e, m.image)
	}
	if err != nil {
		return nil, errors.Join(err, made.Stop(ctx))
	}
	return m, nil
}

// releaseMachine takes the images away again, and stops an engine of the suite's own.
func releaseMachine() error {
	m, err := shared()
	if err != nil {
		return nil // the tests have said so
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := connect(m.Host, os.LookupEnv, Options{})
	if err != nil {
		return err
	}
	for _, id := range []string{m.service, m.other, m.image} {
		_, removal := e.api.ImageRemove(ctx, id, image.RemoveOptions{Force: true})
		err = errors.Join(err, removal)
	}
	return errors.Join(err, e.Close(), m.Stop(ctx))
}

// suite is the tests' engine.
func suite(t testing.TB) *machine {
	t.Helper()
	used.Store(true)
	m, err := shared()
	if err != nil {
		t.Fatalf("these tests need a Docker engine and the go command: %v", err)
	}
	return m
}

// importImage gives an engine the image of the suite, whose command says a word, and
// returns its ID.
func importImage(ctx context.Context, e *Engine, word string) (string, error) {
	tree, err := archive()
	if err != nil {
		return "", err
	}
	// Suites that run at the same time do not take each other's image away.
	name := "capprof-docker-test:" + e.session + "-" + word
	stream, err := e.api.ImageImport(ctx, image.ImportSource{Source: bytes.NewReader(tree), SourceName: "-"}, name,
		image.ImportOptions{Changes: []string{"ENV PATH=/", "ENV FROM_IMAGE=yes", `ENTRYPOINT ["` + enginetest.Program + `"]`, `CMD ["echo", "` + word + `"]`, "VOLUME /seed", "USER root"}})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return "", err
	}
	found, err := e.image(ctx, workload.Spec{Image: name}, io.Discard)
	return found.ID, err
}

// serviceImage makes an image of a service of that one, and returns its ID. An import
// takes no stop signal.
func serviceImage(ctx context.Context, e *Engine, from string) (string, error) {
	made, err := e.api.ContainerCreate(ctx, &container.Config{Image: from}, nil, nil, nil, "capprof-docker-test-"+e.session)
	if err != nil {
		return "", err
	}
	image, err := e.api.ContainerCommit(ctx, made.ID, container.CommitOptions{Config: &container.Config{
		StopSignal: enginetest.StopSignal, Volumes: map[string]struct{}{"/data": {}},
		Healthcheck: &container.HealthConfig{Test: append([]string{"CMD"}, enginetest.HealthCheck...), Interval: 100 * time.Millisecond, Retries: 2},
	}})
	return image.ID, errors.Join(err, e.api.ContainerRemove(ctx, made.ID, container.RemoveOptions{RemoveVolumes: true}))
}

// newEngine is an Engine on the tests' engine.
func newEngine(t testing.TB) *Engine {
	t.Helper()
	return engineAt(t, suite(t).Host)
}

func engineAt(t testing.TB, host string) *Engine {
	t.Helper()
	e, err := connect(host, os.LookupEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// create makes a container that the test's end removes.
func create(t testing.TB, e *Engine, w workload.Spec, grant capability.Set) engine.Container {
	t.Helper()
	if w.Image == "" {
		w.Image = suite(t).image
	}
	c, err := tryCreate(t.Context(), e, w, grant)
	if err != nil {
		t.Fatalf("creating %v: %v", w.Command, err)
	}
	t.Cleanup(func() {
		if err := c.Remove(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

// tryCreate prepares a workload and makes a container of it.
func tryCreate(ctx context.Context, e *Engine, w workload.Spec, grant capability.Set) (engine.Container, error) {
	subject, err := e.Prepare(ctx, w, io.Discard)
	if err != nil {
		return nil, err
	}
	return subject.Create(ctx, engine.Conditions{Capabilities: grant})
}

// result is a run's outcome.
type result struct {
	stdout, stderr string
	exit           engine.Exit
	err            error
}

// runIt creates and runs a workload without capabilities.
func runIt(t testing.TB, w workload.Spec, stdin io.Reader) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	exit, err := engine.Run(t.Context(), create(t, newEngine(t), w, capability.Of()), engine.Stdio{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	return result{stdout.String(), stderr.String(), exit, err}
}

// output runs a command of the test program, which must succeed.
func output(t testing.TB, w workload.Spec) string {
	t.Helper()
	got := runIt(t, w, nil)
	if got.err != nil || got.exit.Code != 0 {
		t.Fatalf("running %v: exit %d, error %v, stderr %q", w.Command, got.exit.Code, got.err, got.stderr)
	}
	return got.stdout
}

// notice is a writer that says when a text has come by.
type notice struct {
	text string
	seen chan struct{}
	all  strings.Builder
}

func newNotice(text string) *notice { return &notice{text: text, seen: make(chan struct{})} }

func (n *notice) Write(p []byte) (int, error) {
	before := strings.Contains(n.all.String(), n.text)
	n.all.Write(p)
	if !before && strings.Contains(n.all.String(), n.text) {
		close(n.seen)
	}
	return len(p), nil
}
