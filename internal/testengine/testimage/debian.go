package testimage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	slashpath "path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/testengine"
)

// suite is the Debian release whose packages are used.
const suite = "bookworm"

// debianFiles is all that the Debian image is made of, in addition to the packages.
//
//go:embed debian/packages.txt debian/customize.sh all:debian/app
var debianFiles embed.FS

// Recipe says what an image of Debian packages is made of.
type Recipe struct {
	// Name is the image's, and the one of its tree in the cache.
	Name string
	// Files holds Dir, in which packages.txt names the packages and customize.sh,
	// run as root with the path of the root file system, does the rest. It finds
	// the other files of Dir.
	Files fs.FS
	Dir   string
	// CopyIn is a directory of Dir that goes to /srv, if any does.
	CopyIn string
	// KeepRun keeps what is in /run.
	KeepRun bool
	// Takes says how long building takes, for people who wait.
	Takes string
}

// debianRecipe is that of the tests' own image.
var debianRecipe = Recipe{Name: "debian", Files: debianFiles, Dir: "debian", CopyIn: "app", Takes: "about a minute"}

// unwanted are files that no workload reads; without them the image is a third
// smaller.
var unwanted = []string{
	"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/include/*", "*.a",
}

// Debian imports the image of Debian packages and returns its reference. The
// first use on a machine builds it, which takes most of a minute; later ones
// find the tree in the user's cache directory. Progress goes to the writer.
func Debian(ctx context.Context, e *testengine.Engine, progress io.Writer) (string, error) {
	return FromPackages(ctx, e, debianRecipe, progress)
}

// FromPackages does the same by any recipe.
func FromPackages(ctx context.Context, e *testengine.Engine, recipe Recipe, progress io.Writer) (string, error) {
	path, err := recipe.tree(ctx, progress)
	if err != nil {
		return "", err
	}
	tree, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening the Debian tree: %w", err)
	}
	defer tree.Close()
	return importTar(ctx, e, recipe.Name, tree,
		"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		`CMD ["bash"]`)
}

// tree returns the path of the root file system, an archive that holds
// extended attributes, and builds it when it is not in the cache.
func (r Recipe) tree(ctx context.Context, progress io.Writer) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache: %w", err)
	}
	cache := filepath.Join(base, "capprof-test")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("making the cache: %w", err)
	}
	key, err := r.key()
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()

	path := filepath.Join(cache, r.Name+"-"+key+".tar")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	stale, err := filepath.Glob(filepath.Join(cache, r.Name+"-*.tar"))
	if err != nil {
		return "", fmt.Errorf("looking for older trees: %w", err)
	}
	fmt.Fprintf(progress, "building the Debian image %q, once: %s\n", r.Name, r.Takes)
	if err := r.build(ctx, path); err != nil {
		return "", err
	}
	for _, old := range stale {
		if err := os.Remove(old); err != nil {
			return "", fmt.Errorf("removing an older tree: %w", err)
		}
	}
	return path, nil
}

// key is a hash of everything that decides what the tree holds, save the
// archive's own state.
func (r Recipe) key() (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, suite, runtime.GOARCH, unwanted)
	err := fs.WalkDir(r.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(r.Files, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%s %d\n%s", path, len(data), data)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("hashing the recipe: %w", err)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}

// build builds the tree into path, which appears only when it is whole.
func (r Recipe) build(ctx context.Context, path string) (err error) {
	tool, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return testengine.Unavailable(testengine.NoMmdebstrap,
			errors.New("building the Debian image needs mmdebstrap (apt-get install mmdebstrap)"))
	}
	if os.Geteuid() != 0 {
		return testengine.Unavailable(testengine.NotRoot, errors.New("building the Debian image needs root"))
	}
	work, err := os.MkdirTemp("", "capprof-debian-")
	if err != nil {
		return fmt.Errorf("making a work directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.CopyFS(work, r.Files); err != nil {
		return fmt.Errorf("unpacking the recipe: %w", err)
	}
	script := filepath.Join(work, filepath.FromSlash(r.Dir), "customize.sh")
	if err := os.Chmod(script, 0o755); err != nil {
		return fmt.Errorf("making the script executable: %w", err)
	}
	packages, err := fs.ReadFile(r.Files, slashpath.Join(r.Dir, "packages.txt"))
	if err != nil {
		return fmt.Errorf("reading the package list: %w", err)
	}

	partial := path + ".partial"
	args := []string{
		"--mode=root", "--variant=minbase", "--format=tar",
		// A package's recommendations would triple the tree.
		`--aptopt=APT::Install-Recommends "false"`,
		"--include=" + strings.Join(strings.Fields(string(packages)), ","),
	}
	if r.CopyIn != "" {
		args = append(args, "--customize-hook=copy-in "+filepath.Join(work, filepath.FromSlash(r.Dir), r.CopyIn)+" /srv")
	}
	args = append(args, "--customize-hook="+script)
	if r.KeepRun {
		args = append(args, "--skip=cleanup/run")
	}
	for _, pattern := range unwanted {
		args = append(args, "--dpkgopt=path-exclude="+pattern)
	}
	for _, option := range hostAcquireOptions(ctx) {
		args = append(args, "--aptopt="+option)
	}
	args = append(args, suite, partial)
	args = append(args, hostSources()...)
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		const tail = 2 << 10
		text := output.Bytes()
		return errors.Join(fmt.Errorf("building the Debian tree: %w: %s", err, text[max(0, len(text)-tail):]),
			removeIfThere(partial))
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("keeping the Debian tree: %w", err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lock takes an exclusive lock on the file, so that of several test binaries one
// builds and the others wait for it.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	// Closing gives the lock back.
	return func() { file.Close() }, nil
}
