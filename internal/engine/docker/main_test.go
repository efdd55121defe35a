package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
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
	e, err := connect(m.Host, os.LookupEnv)
	if err != nil {
		return nil, errors.Join(err, made.Stop(ctx))
	}
	defer e.Close()
	err = m.load(ctx, e)
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
	e, err := connect(m.Host, os.LookupEnv)
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

// load gives an engine the images of the suite: two whose commands say a word, and one
// of a service.
func (m *machine) load(ctx context.Context, e *Engine) (err error) {
	if m.image, err = loadImage(ctx, e, "default", imageConfig("default")); err != nil {
		return err
	}
	if m.other, err = loadImage(ctx, e, "other", imageConfig("other")); err != nil {
		return err
	}
	m.service, err = loadImage(ctx, e, "service", serviceConfig())
	return err
}

// serviceConfig is that of an image of a service.
func serviceConfig() container.Config {
	config := imageConfig("default")
	config.StopSignal, config.Volumes = enginetest.StopSignal, map[string]struct{}{"/seed": {}, "/data": {}}
	config.Healthcheck = &container.HealthConfig{Test: append([]string{"CMD"}, enginetest.HealthCheck...), Interval: 100 * time.Millisecond, Retries: 2}
	return config
}

// imageConfig is that of the suite's image, whose command says a word.
func imageConfig(word string) container.Config {
	return container.Config{
		Env: []string{"PATH=/", "FROM_IMAGE=yes"}, Entrypoint: []string{enginetest.Program}, Cmd: []string{"echo", word},
		Volumes: map[string]struct{}{"/seed": {}}, User: "root",
	}
}

// loadImage gives an engine an image of the suite's file system and returns its ID.
func loadImage(ctx context.Context, e *Engine, tag string, config container.Config) (string, error) {
	// Suites that run at the same time do not take each other's image away.
	name := "capprof-docker-test:" + e.session + "-" + tag
	image, err := savedImage(name, config)
	if err != nil {
		return "", err
	}
	loaded, err := e.api.ImageLoad(ctx, bytes.NewReader(image))
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(loaded.Body)
	if err := errors.Join(err, loaded.Body.Close()); err != nil {
		return "", err
	}
	found, err := e.image(ctx, workload.Spec{Image: name, Options: workload.Options{}.Set("pull", "never")}, io.Discard)
	if err != nil {
		return "", fmt.Errorf("loading an image: %w: %s", err, answer)
	}
	return found.ID, nil
}

// savedImage is an image of the suite's file system as docker save writes one. The kinds of
// settings that an import or a commit takes differ from engine to engine.
// Source: https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
func savedImage(name string, config container.Config) ([]byte, error) {
	layer, err := archive()
	if err != nil {
		return nil, err
	}
	image, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	saved := tar.NewWriter(&out)
	for _, file := range []struct {
		name    string
		content []byte
	}{{"config.json", image}, {"layer.tar", layer}, {"manifest.json", manifest}} {
		if err := saved.WriteHeader(&tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := saved.Write(file.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), saved.Close()
}

// connect prepares the engine at host, or the one that docker would use.
func connect(host string, environ environment) (*Engine, error) {
	at, err := resolveEndpoint(host, environ)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrNoEngine, err)
	}
	return connectTo(at, environ, Options{})
}

// newEngine is an Engine on the tests' engine.
func newEngine(t testing.TB) *Engine {
	t.Helper()
	return engineAt(t, suite(t).Host)
}

func engineAt(t testing.TB, host string) *Engine {
	t.Helper()
	e, err := connect(host, os.LookupEnv)
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
