package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

// The engine of the suite and the image that its tests run.
var (
	suite     *testengine.Engine
	testImage string
	// archive is that image's file system, for engines of a test's own.
	archive []byte
)

func TestMain(m *testing.M) {
	if host := os.Getenv(asNobodyEnv); host != "" {
		os.Exit(infoAsNobody(host))
	}
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "internal/docker: these tests need a Docker engine and the go command:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if suite, err = testengine.ForSuite(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, suite.Stop(context.WithoutCancel(ctx))) }()
	if archive, err = buildArchive(ctx); err != nil {
		return 1, err
	}
	e, err := connect(suite.Host, os.LookupEnv, Options{})
	if err != nil {
		return 1, err
	}
	if testImage, err = importImage(ctx, e); err != nil {
		return 1, err
	}
	defer func() {
		_, removal := e.api.ImageRemove(context.WithoutCancel(ctx), testImage, image.RemoveOptions{Force: true})
		err = errors.Join(err, removal, e.Close())
	}()
	return m.Run(), nil
}

// The security.capability attribute of a file with cap_net_raw+ep: revision 2,
// effective bit, permitted 1<<13 (linux/capability.h, vfs_cap_data).
const netRawAttribute = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// buildArchive makes the image's file system: one static program and files that
// cannot be executed in every way that there is.
func buildArchive(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "capprof-docker-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "workload")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./testdata/workload")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the workload: %w: %s", err, out)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, file := range []struct {
		name    string
		mode    int64
		content string
		link    string
		xattrs  map[string]string
	}{
		{name: "workload", mode: 0o755, content: string(program)},
		{name: "with-capabilities", mode: 0o755, content: string(program), xattrs: map[string]string{capabilityRecord: netRawAttribute}},
		{name: "not-executable", mode: 0o644, content: "text"},
		{name: "bad-format", mode: 0o755, content: "neither ELF nor script"},
		{name: "bad-interpreter", mode: 0o755, content: "#!/no/such/interpreter\n"},
		{name: "etc/passwd", mode: 0o644, content: "root:x:0:0::/:/\nsomeone:x:1234:2345::/:/\n"},
		{name: "seed/from-image", mode: 0o644, content: "from the image"},
		{name: "seed/absolute-link", link: "/link"},
		{name: "link", link: "with-capabilities"},
		{name: "dangling", link: "/no/such/file"},
		{name: "circle", link: "circle"},
	} {
		header := &tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(file.content)), PAXRecords: file.xattrs, Format: tar.FormatPAX}
		if file.link != "" {
			header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, file.link, 0o777
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(archive, file.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), archive.Close()
}

// importImage gives an engine the test image and returns its ID.
func importImage(ctx context.Context, e *Engine) (string, error) {
	// Suites that run at the same time do not take each other's image away.
	name := "capprof-docker-test:" + e.session
	stream, err := e.api.ImageImport(ctx, image.ImportSource{Source: bytes.NewReader(archive), SourceName: "-"}, name,
		image.ImportOptions{Changes: []string{"ENV PATH=/", "ENV FROM_IMAGE=yes", `ENTRYPOINT ["/workload"]`, `CMD ["echo", "default"]`, "VOLUME /seed", "USER root"}})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return "", err
	}
	found, err := e.image(ctx, name, io.Discard)
	return found.ID, err
}

// newEngine is an Engine on the suite's engine.
func newEngine(t testing.TB) *Engine {
	t.Helper()
	return engineAt(t, suite.Host)
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
		w.Image = testImage
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
