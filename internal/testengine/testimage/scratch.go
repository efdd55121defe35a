package testimage

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/capprof/capprof/internal/testengine"
)

// Program is where the images from scratch hold the test program, privop.
const Program = "/privop"

// programPackage is the source of Program.
const programPackage = "github.com/capprof/capprof/internal/testengine/testimage/privop"

// fileCapabilities is the attribute that setcap(8) would write for
// cap_net_raw+ep: struct vfs_cap_data of revision 2 with the effective bit,
// capability 13 permitted.
const fileCapabilities = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// Scratch imports an image that holds nothing but Program and the files that its
// operations act on, and returns its reference. It has no entrypoint.
func Scratch(ctx context.Context, e *testengine.Engine) (string, error) {
	tree, err := scratchTree(ctx, nil)
	if err != nil {
		return "", err
	}
	return importTar(ctx, e, "scratch", tree)
}

// FileCaps imports an image whose entrypoint is Program with file capabilities,
// cap_net_raw+ep: it cannot even start where the bounding set lacks CAP_NET_RAW.
func FileCaps(ctx context.Context, e *testengine.Engine) (string, error) {
	tree, err := scratchTree(ctx, map[string]string{"SCHILY.xattr.security.capability": fileCapabilities})
	if err != nil {
		return "", err
	}
	return importTar(ctx, e, "filecaps", tree,
		`ENTRYPOINT ["`+Program+`"]`, `CMD ["raw-socket"]`)
}

// Volume imports an image like Scratch's that declares an anonymous volume, which
// outlives a careless clean-up.
func Volume(ctx context.Context, e *testengine.Engine) (string, error) {
	tree, err := scratchTree(ctx, nil)
	if err != nil {
		return "", err
	}
	return importTar(ctx, e, "volume", tree,
		`VOLUME ["/data"]`, `CMD ["`+Program+`", "chown"]`)
}

// scratchTree builds Program and puts it into an archive.
func scratchTree(ctx context.Context, attributes map[string]string) (*bytes.Buffer, error) {
	program, err := Build(ctx, programPackage)
	if err != nil {
		return nil, err
	}
	const other = 1000 // the user that privop calls the other one
	return archive([]entry{
		{tar.Header{Name: "privop", Mode: 0o755, PAXRecords: attributes}, program},
		// What a command may be that can't be executed.
		{tar.Header{Name: "not-executable", Mode: 0o644}, []byte("not a program\n")},
		{tar.Header{Name: "data/", Mode: 0o755}, nil},
		{tar.Header{Name: "data/other", Mode: 0o600, Uid: other, Gid: other}, []byte("private\n")},
		{tar.Header{Name: "data/group", Mode: 0o755, Gid: other}, []byte("of another group\n")},
		{tar.Header{Name: "mnt/", Mode: 0o755}, nil},
		{tar.Header{Name: "tmp/", Mode: 0o1777}, nil},
	}, nil)
}

// entry is what an archive holds: a directory where the name ends with "/", and a file where
// the header does not say otherwise.
type entry struct {
	tar.Header
	content []byte
}

// archive writes a tar. change, where it is not nil, changes each header first.
func archive(entries []entry, change func(*tar.Header)) (*bytes.Buffer, error) {
	file := new(bytes.Buffer)
	writer := tar.NewWriter(file)
	for _, entry := range entries {
		header := entry.Header
		if change != nil {
			change(&header)
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
	return file, nil
}

// Build compiles a program of ours, linked statically.
func Build(ctx context.Context, source string) (program []byte, err error) {
	dir, err := os.MkdirTemp("", "capprof-testimage-")
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
