package machines

import (
	"bytes"
	"context"
	"debug/elf"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// guest is what runs in the machines.
//
//go:embed guest
var guest embed.FS

// flavour is that of the kernels: with the few drivers that virtual machines have.
const flavour = "cloud-amd64"

// bootModules are what it takes to mount the disks.
var bootModules = []string{"virtio_pci", "virtio_blk", "virtio_console", "ext4"}

// kernel is what a machine boots.
type kernel struct {
	// image and initramfs are files; modules is a disk with /usr/lib/modules.
	image, initramfs, modules string
	// Release is what uname -r prints.
	release string
}

func kernelIn(dir string) (kernel, error) {
	release, err := os.ReadFile(filepath.Join(dir, "release"))
	return kernel{
		image:     filepath.Join(dir, "vmlinuz"),
		initramfs: filepath.Join(dir, "initramfs"),
		modules:   filepath.Join(dir, "modules.img"),
		release:   string(release),
	}, err
}

// kernelPart finds the packages of a kernel: SUITE for the one that the suite installs, or
// SUITE:VERSION for the newest of that version in the suite and its backports.
func (c *Cache) kernelPart(ctx context.Context, spec string) (part, error) {
	name, version, _ := strings.Cut(spec, ":")
	s, err := c.suite(ctx, name)
	if err != nil {
		return part{}, err
	}
	image, err := s.kernelImage(ctx, version)
	if err != nil {
		return part{}, err
	}
	packages := []string{image}
	needs, err := s.depends(ctx, image)
	if err != nil {
		return part{}, err
	}
	// Debian has taken the image apart over time.
	for _, name := range needs {
		if regexp.MustCompile(`^linux-(base|binary|modules)-[0-9]`).MatchString(name) {
			packages = append(packages, name)
		}
	}
	uris, err := s.apt(ctx, "apt-get", append([]string{"download", "--print-uris"}, packages...)...)
	if err != nil {
		return part{}, err
	}
	debs, err := contents(uris)
	if err != nil {
		return part{}, err
	}
	init, err := guest.ReadFile("guest/init")
	if err != nil {
		return part{}, err
	}
	return part{
		name: "kernel-" + strings.ReplaceAll(spec, ":", "-"),
		key:  key(debs, bootModules, []string{string(init)}),
		build: func(ctx context.Context, dir string) error {
			return s.buildKernel(ctx, dir, packages, init)
		},
	}, nil
}

// kernelImage is the name of the package with the kernel of a version, or of the one that
// the suite installs.
func (s *suite) kernelImage(ctx context.Context, version string) (string, error) {
	var found []string
	if version == "" {
		needs, err := s.depends(ctx, "linux-image-"+flavour)
		if err != nil {
			return "", err
		}
		found = slices.DeleteFunc(needs, func(name string) bool { return !imageName.MatchString(name) })
	} else {
		names, err := s.apt(ctx, "apt-cache", "pkgnames", "linux-image-"+version)
		if err != nil {
			return "", err
		}
		found = imagesOf(version, strings.Fields(names))
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s has no kernel %s: choose another suite or version", s.name, version)
	}
	return found[len(found)-1], nil
}

var imageName = regexp.MustCompile(`^linux-image-([0-9]+\.[0-9]+(?:\.[0-9]+)?)\S*-` + flavour + `$`)

// imagesOf picks the packages with kernels of a version, such as 6.18, the newest last.
func imagesOf(version string, names []string) []string {
	var found []string
	number := func(name string) string {
		match := imageName.FindStringSubmatch(name)
		if match == nil {
			return ""
		}
		return match[1]
	}
	for _, name := range names {
		if n := number(name); n == version || strings.HasPrefix(n, version+".") {
			found = append(found, name)
		}
	}
	slices.SortFunc(found, func(a, b string) int {
		if order := semver.Compare("v"+number(a), "v"+number(b)); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
	return found
}

// depends are the packages that one depends on by name.
func (s *suite) depends(ctx context.Context, name string) ([]string, error) {
	out, err := s.apt(ctx, "apt-cache", "depends", name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	var found []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "Depends:" {
			found = append(found, fields[1])
		}
	}
	return found, nil
}

func (s *suite) buildKernel(ctx context.Context, dir string, packages []string, init []byte) error {
	debs, tree := filepath.Join(dir, "debs"), filepath.Join(dir, "tree")
	if err := errors.Join(os.Mkdir(debs, 0o755), os.Mkdir(tree, 0o755)); err != nil {
		return err
	}
	if _, err := s.aptIn(ctx, debs, "apt-get", append([]string{"download"}, packages...)...); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range found {
		if _, err := run(ctx, "dpkg-deb", "-x", deb, tree); err != nil {
			return err
		}
	}
	// Where /lib is a directory of its own (bullseye), it is merged, as depmod and the
	// machine expect it.
	modules := filepath.Join(tree, "usr/lib/modules")
	if _, err := os.Stat(modules); errors.Is(err, os.ErrNotExist) {
		if err := errors.Join(os.MkdirAll(filepath.Join(tree, "usr/lib"), 0o755), os.Rename(filepath.Join(tree, "lib/modules"), modules)); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(tree, "lib")), os.Symlink("usr/lib", filepath.Join(tree, "lib"))); err != nil {
		return err
	}
	releases, err := os.ReadDir(modules)
	if err != nil || len(releases) != 1 {
		return fmt.Errorf("%s: want one directory of modules, have %d: %w", packages[0], len(releases), err)
	}
	release := releases[0].Name()
	if _, err := run(ctx, "depmod", "-b", tree, release); err != nil {
		return err
	}
	image, err := firstOf(filepath.Join(tree, "boot/vmlinuz-*"), filepath.Join(modules, release, "vmlinuz"))
	if err != nil {
		return err
	}
	if err := os.Rename(image, filepath.Join(dir, "vmlinuz")); err != nil {
		return err
	}
	if err := initramfs(ctx, dir, tree, release, init); err != nil {
		return fmt.Errorf("making the initramfs: %w", err)
	}
	if err := disk(ctx, filepath.Join(dir, "modules.img"), modules, 32); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(debs), os.RemoveAll(tree), os.WriteFile(filepath.Join(dir, "release"), []byte(release), 0o644))
}

// firstOf returns the first file that one of the patterns finds.
func firstOf(patterns ...string) (string, error) {
	for _, pattern := range patterns {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("no file %s", strings.Join(patterns, " or "))
}

// initramfs packs busybox, init and the modules that mount the disks, in the order to load
// them.
func initramfs(ctx context.Context, dir, tree, release string, init []byte) error {
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "modules"), 0o755); err != nil {
		return err
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	// The initramfs has no libraries.
	if binary, err := elf.NewFile(bytes.NewReader(program)); err != nil || binary.Section(".interp") != nil {
		return fmt.Errorf("%s is not linked statically: install busybox-static", busybox)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(root, "busybox"), program, 0o755), os.WriteFile(filepath.Join(root, "init"), init, 0o755)); err != nil {
		return err
	}
	var files []string
	for _, name := range bootModules {
		out, err := run(ctx, "modprobe", "-d", tree, "-S", release, "--show-depends", name)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(out)) {
			// "insmod FILE", or "builtin NAME".
			if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "insmod" && !slices.Contains(files, fields[1]) {
				files = append(files, fields[1])
			}
		}
	}
	for i, file := range files {
		module, err := unpacked(ctx, file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, "modules", fmt.Sprintf("%02d.ko", i)), module, 0o644); err != nil {
			return err
		}
	}
	var names bytes.Buffer
	names.WriteString(".\ninit\nbusybox\nmodules\n")
	for i := range files {
		fmt.Fprintf(&names, "modules/%02d.ko\n", i)
	}
	cmd := exec.CommandContext(ctx, "cpio", "--create", "--format=newc", "--quiet", "--owner=0:0")
	cmd.Dir, cmd.Stdin = root, &names
	archive, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("cpio: %w", err)
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "initramfs"), archive, 0o644), os.RemoveAll(root))
}

// unpacked reads a module, which Debian compresses since 2023.
func unpacked(ctx context.Context, file string) ([]byte, error) {
	switch filepath.Ext(file) {
	case ".xz":
		return run(ctx, "xz", "-dc", file)
	case ".zst":
		return run(ctx, "zstd", "-qdc", file)
	}
	return os.ReadFile(file)
}
