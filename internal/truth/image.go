package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// images are those that the cases run in, made when first asked for.
type images struct {
	engine   *testengine.Engine
	progress io.Writer
	loaded   map[imageName]string
	// services are the images of real services, by name.
	services map[string]string
}

func newImages(engine *testengine.Engine, progress io.Writer) *images {
	return &images{engine: engine, progress: progress, loaded: map[imageName]string{}}
}

// load makes the images that the cases need. Not concurrently.
func (i *images) load(ctx context.Context, names []imageName) error {
	for _, name := range names {
		if i.loaded[name] != "" {
			continue
		}
		reference, err := i.make(ctx, name)
		if err != nil {
			return err
		}
		i.loaded[name] = reference
	}
	return nil
}

func (i *images) make(ctx context.Context, name imageName) (string, error) {
	switch name {
	case debian:
		return debianImage(ctx, i.engine, i.progress)
	case checked:
		// A check that is refused something each time, and comes often.
		return i.scratch(ctx, "checked", false,
			`HEALTHCHECK --interval=200ms --timeout=5s CMD ["/privop", "chown"]`)
	case serving:
		return i.scratch(ctx, "serving", false,
			`HEALTHCHECK --interval=200ms --timeout=5s CMD ["/ops", "raw6", "+", "leave-mark"]`)
	case entered:
		return i.scratch(ctx, "entered", false, "LABEL entered=1")
	case awaiting:
		return i.scratch(ctx, "awaiting", false, "LABEL entered=2")
	case keeping:
		return i.scratch(ctx, "keeping", false, "VOLUME /kept", "EXPOSE 8080")
	case settled:
		return i.scratch(ctx, "settled", true)
	}
	return i.scratch(ctx, "scratch", false)
}

// loadServices makes the images of the services that the cases name.
func (i *images) loadServices(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var err error
	i.services, err = testimage.Services(ctx, i.engine, i.progress, names...)
	return err
}

// of is the image of a case.
func (i *images) of(k testCase) string {
	if k.serves != nil && k.serves.image != "" {
		return i.services[k.serves.image]
	}
	return i.loaded[k.image]
}

// remove removes them.
func (i *images) remove(ctx context.Context) error {
	references := slices.AppendSeq(slices.Collect(maps.Values(i.loaded)), maps.Values(i.services))
	return testimage.Remove(ctx, i.engine, references...)
}

// scratch imports the image of the single operations, or the one in which their
// files have the owners and modes that they need.
func (i *images) scratch(ctx context.Context, name string, settled bool, changes ...string) (string, error) {
	tree, err := scratchTree(ctx, settled)
	if err != nil {
		return "", err
	}
	return i.importTree(ctx, name, tree, changes...)
}

// importTree imports a root file system.
func (i *images) importTree(ctx context.Context, name string, tree io.Reader, changes ...string) (string, error) {
	reference := fmt.Sprintf("capprof-truth/%s:p%d", name, os.Getpid())
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "--change", change)
	}
	cmd := i.engine.Command(ctx, append(args, "-", reference)...)
	var complaints strings.Builder
	cmd.Stdin, cmd.Stderr = tree, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("importing %s: %w: %s", reference, err, strings.TrimSpace(complaints.String()))
	}
	return reference, nil
}

// netRawEP is what setcap(8) writes for cap_net_raw+ep: struct vfs_cap_data,
// revision 2, the effective bit, number 13 permitted.
const netRawEP = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// netBindServiceEP is cap_net_bind_service+ep: number 10.
const netBindServiceEP = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// settle does to a file what chown, chmod +x and setcap -r in a Dockerfile do.
func settle(header *tar.Header) {
	header.PAXRecords = nil
	if strings.HasPrefix(header.Name, "other/") {
		header.Uid, header.Gid = 0, 0
		if header.Name == "other/program" {
			header.Mode = 0o755
		}
	}
}

// scratchTree is a root file system that holds two programs and what they act on.
func scratchTree(ctx context.Context, settled bool) (io.Reader, error) {
	ops, err := buildProgram(ctx, "github.com/capprof/capprof/internal/truth/ops")
	if err != nil {
		return nil, err
	}
	privop, err := buildProgram(ctx, "github.com/capprof/capprof/internal/testengine/testimage/privop")
	if err != nil {
		return nil, err
	}
	const other = 1000
	netRaw := map[string]string{"SCHILY.xattr.security.capability": netRawEP}
	lowPorts := map[string]string{"SCHILY.xattr.security.capability": netBindServiceEP}
	text := []byte("text\n")
	entries := []struct {
		tar.Header
		content []byte
	}{
		{tar.Header{Name: "ops", Mode: 0o755}, ops},
		{tar.Header{Name: "capable-ops", Mode: 0o755, PAXRecords: netRaw}, ops},
		{tar.Header{Name: "privop", Mode: 0o755}, privop},
		{tar.Header{Name: "port-ops", Mode: 0o755, PAXRecords: lowPorts}, ops},
		{tar.Header{Name: "root-ops", Mode: 0o4755}, ops},
		{tar.Header{Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0::/:/\nwww-data:x:33:33::/:/\n")},
		{tar.Header{Name: "etc/group", Mode: 0o644}, []byte("root:x:0:\nwww-data:x:33:\n")},
		{tar.Header{Name: "tmp/", Mode: 0o1777}, nil},
		{tar.Header{Name: "mnt/", Mode: 0o755}, nil},
		// What privop acts on.
		{tar.Header{Name: "data/", Mode: 0o755}, nil},
		{tar.Header{Name: "data/other", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "data/group", Mode: 0o755, Gid: other}, text},
		// What ops acts on: others' files and its own.
		{tar.Header{Name: "other/", Mode: 0o755}, nil},
		{tar.Header{Name: "other/file", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/readable", Mode: 0o644, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/directory/", Mode: 0o755, Uid: other, Gid: other}, nil},
		{tar.Header{Name: "other/private/", Mode: 0o700, Uid: other, Gid: other}, nil},
		{tar.Header{Name: "other/private/file", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/sticky/", Mode: 0o1777, Uid: other, Gid: other}, nil},
		{tar.Header{Name: "other/sticky/file", Mode: 0o600, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/shared", Mode: 0o640, Uid: other, Gid: other}, text},
		{tar.Header{Name: "other/program", Mode: 0o644, Uid: other, Gid: other}, ops},
		{tar.Header{Name: "other/kmsg", Mode: 0o666, Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 11}, nil},
		// Where the rules of sticky directories apply: the file is not the
		// directory's owner's.
		{tar.Header{Name: "tmp/others", Mode: 0o666, Uid: other, Gid: other}, text},
		{tar.Header{Name: "tmp/others-link", Mode: 0o777, Uid: other, Gid: other, Typeflag: tar.TypeSymlink, Linkname: "/other/readable"}, nil},
		{tar.Header{Name: "other/setuid-ops", Mode: 0o4755, Uid: other, Gid: other}, ops},
		// What serve keeps in a volume.
		{tar.Header{Name: "kept/", Mode: 0o755}, nil},
		{tar.Header{Name: "kept/file", Mode: 0o600}, text},
		{tar.Header{Name: "own/", Mode: 0o755}, nil},
		{tar.Header{Name: "own/file", Mode: 0o600}, text},
		{tar.Header{Name: "own/removed", Mode: 0o600}, text},
		{tar.Header{Name: "own/directory/", Mode: 0o755}, nil},
	}
	archive := new(bytes.Buffer)
	writer := tar.NewWriter(archive)
	for _, entry := range entries {
		header := entry.Header
		if settled {
			settle(&header)
		}
		header.Size = int64(len(entry.content))
		if header.Typeflag == 0 {
			header.Typeflag = tar.TypeReg
		}
		if strings.HasSuffix(header.Name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := writer.WriteHeader(&header); err != nil {
			return nil, fmt.Errorf("archiving %s: %w", header.Name, err)
		}
		if _, err := writer.Write(entry.content); err != nil {
			return nil, fmt.Errorf("archiving %s: %w", header.Name, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("closing the archive: %w", err)
	}
	return archive, nil
}

// buildProgram compiles a program, linked statically.
func buildProgram(ctx context.Context, source string) (program []byte, err error) {
	dir, err := os.MkdirTemp("", "capprof-truth-")
	if err != nil {
		return nil, fmt.Errorf("making a build directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w: %s", source, err, output)
	}
	program, err = os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading what was built: %w", err)
	}
	return program, nil
}
