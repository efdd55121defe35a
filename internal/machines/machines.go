// Package machines builds virtual machines of Debian packages and runs commands in them: any
// of Debian's kernels under any of its userlands, with Docker and Podman of that release.
//
// A machine is a kernel and a userland, which are built once each and kept in a cache under
// the versions of their packages. It boots under qemu's emulation, so that it needs no
// hardware support, in about ten seconds; runs one command as root under systemd; and goes
// off. Nothing that the command does to its disk is kept.
package machines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// CacheEnv names the environment variable that says where machines are kept, instead of
// capprof-vm in the user's cache directory.
const CacheEnv = "CAPPROF_VM_CACHE"

// Cache is a directory of kernels and userlands. Several processes can share it.
type Cache struct {
	dir      string
	progress io.Writer
}

// Open opens the user's cache. What is built is told on progress.
func Open(progress io.Writer) (*Cache, error) {
	dir := os.Getenv(CacheEnv)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding the cache (%s names another): %w", CacheEnv, err)
		}
		dir = filepath.Join(base, "capprof-vm")
	}
	var missing []string
	for _, program := range needed {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("machines need %s: run scripts/prerequisites kernels", strings.Join(missing, ", "))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	return &Cache{dir: dir, progress: progress}, nil
}

// needed are the programs that building and booting take.
var needed = []string{
	"qemu-system-x86_64", "mmdebstrap", "busybox", "cpio", "depmod", "modprobe", "mke2fs", "xz", "zstd", "dpkg-deb", "apt-get", "tar",
}

// part is a kernel or a userland in the cache.
type part struct {
	// name stays when packages change, such as kernel-trixie-6.18.
	name string
	// key is a hash of all that decides what is built.
	key string
	// build makes it in an empty directory.
	build func(ctx context.Context, dir string) error
}

// have returns the directory of a part, which it builds where it is missing, and a function
// to call when the part is not used any more. A part whose key has changed replaces the
// former one, when nobody uses that any more.
func (c *Cache) have(ctx context.Context, p part) (dir string, done func(), err error) {
	dir = filepath.Join(c.dir, p.name+"-"+p.key)
	for {
		l, err := lock(ctx, filepath.Join(c.dir, p.name+".lock"), shared)
		if err != nil {
			return "", nil, err
		}
		if _, err := os.Stat(dir); err == nil {
			return dir, l.unlock, nil
		}
		l.unlock()
		if err := c.replace(ctx, p, dir); err != nil {
			return "", nil, err
		}
	}
}

// replace builds a part and removes what was built of it before, also by builds that were
// interrupted. A directory appears under its name only when it is complete.
func (c *Cache) replace(ctx context.Context, p part, dir string) (err error) {
	l, err := lock(ctx, filepath.Join(c.dir, p.name+".lock"), exclusive)
	if err != nil {
		return err
	}
	defer l.unlock()
	if _, err := os.Stat(dir); err == nil {
		return nil // another process has built it
	}
	fmt.Fprintf(c.progress, "building %s, once\n", p.name)
	if err := c.removeOld(p.name); err != nil {
		return fmt.Errorf("removing an older machine: %w", err)
	}
	partial := dir + ".partial"
	if err := os.Mkdir(partial, 0o755); err != nil {
		return err
	}
	if err := p.build(ctx, partial); err != nil {
		return errors.Join(fmt.Errorf("building %s: %w", p.name, err), os.RemoveAll(partial))
	}
	return os.Rename(partial, dir)
}

// removeOld removes all that was built under a name.
func (c *Cache) removeOld(name string) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	// Not what has a longer name: kernel-trixie-6.18 beside kernel-trixie.
	old := regexp.MustCompile("^" + regexp.QuoteMeta(name) + fmt.Sprintf(`-[0-9a-f]{%d}(\.partial)?$`, keyLength))
	for _, entry := range entries {
		if old.MatchString(entry.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, entry.Name())))
		}
	}
	return err
}

// run runs a command and returns what it printed. The error has what it complained of.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	return runIn(ctx, "", name, args...)
}

// runIn does so in a directory.
func runIn(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(complaints.String()))
	}
	return out, nil
}
