package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// CapabilityRecord is where a tar archive carries the security.capability attribute
// of a file.
const CapabilityRecord = "SCHILY.xattr.security.capability"

// NetRaw is that attribute of a file with cap_net_raw+ep: revision 2, effective bit,
// permitted 1<<13 (linux/capability.h, vfs_cap_data).
const NetRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// Program is where the image holds the test program. Its first argument says what it
// does; see package program.
const Program = "/workload"

// StopSignal is that of the service's image, 37 to the kernel.
const StopSignal = "SIGRTMIN+3"

// Health is what HealthCheck looks for.
const Health = "/healthy"

// HealthCheck is the health check of the service's image, as exec takes it.
var HealthCheck = []string{Program, "file", Health}

// Archive makes the file system of the image that the suite runs, as a tar archive:
// one static program, and files that cannot be executed in every way that there is.
// The image needs Program as its entrypoint and / in PATH.
func Archive(ctx context.Context) ([]byte, error) {
	program, err := build(ctx)
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
		// Without it, engines give the root directory modes of their own.
		{name: "./", mode: 0o755},
		{name: "workload", mode: 0o755, content: string(program)},
		{name: "with-capabilities", mode: 0o755, content: string(program), xattrs: map[string]string{CapabilityRecord: NetRaw}},
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
		if strings.HasSuffix(file.name, "/") {
			header.Typeflag = tar.TypeDir
		}
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

// build compiles the test program, linked statically.
func build(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "capprof-enginetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "workload")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "github.com/capprof/capprof/internal/engine/enginetest/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the test program: %w: %s", err, out)
	}
	return os.ReadFile(binary)
}
