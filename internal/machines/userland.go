package machines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// basics is what every userland has. The engines are those of the suite.
var basics = strings.Fields(`systemd systemd-sysv dbus dbus-user-session libpam-systemd kmod iproute2 procps iptables nftables apparmor
	docker.io podman crun runc uidmap slirp4netns fuse-overlayfs catatonit`)

// userlands are the suites that there are userlands of, with what each has besides.
var userlands = map[string][]string{
	"bookworm": {"netavark", "aardvark-dns", "rootlesskit"},
	"trixie":   {"docker-cli", "netavark", "aardvark-dns", "passt", "rootlesskit"},
	"forky":    {"docker-cli", "netavark", "aardvark-dns", "passt", "rootlesskit"},
	"sid":      {"docker-cli", "netavark", "aardvark-dns", "passt", "rootlesskit"},
}

// unwanted are files that nothing in a machine reads.
var unwanted = []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"}

// roomMiB is how much a machine can write to its disk.
const roomMiB = 6 << 10

// userlandPart finds the packages of a userland.
func (c *Cache) userlandPart(ctx context.Context, name string) (part, error) {
	own, ok := userlands[name]
	if !ok {
		return part{}, fmt.Errorf("there is no userland of %s", name)
	}
	s, err := c.suite(ctx, name)
	if err != nil {
		return part{}, err
	}
	packages := append(append([]string{}, basics...), own...)
	uris, err := s.apt(ctx, "apt-get", append([]string{"install", "--yes", "--print-uris", "?essential", "apt"}, packages...)...)
	if err != nil {
		return part{}, fmt.Errorf("choosing the packages of %s: %w", name, err)
	}
	debs, err := contents(uris)
	if err != nil {
		return part{}, err
	}
	customize, err := guest.ReadFile("guest/customize")
	if err != nil {
		return part{}, err
	}
	command, err := guest.ReadFile("guest/command")
	if err != nil {
		return part{}, err
	}
	return part{
		name: "userland-" + name,
		key:  key(debs, packages, unwanted, []string{string(customize), string(command)}),
		build: func(ctx context.Context, dir string) error {
			return s.buildUserland(ctx, dir, packages)
		},
	}, nil
}

// userlandDisk is the disk in a userland's directory.
const userlandDisk = "root.img"

func (s *suite) buildUserland(ctx context.Context, dir string, packages []string) error {
	if os.Geteuid() != 0 {
		return errors.New("its files have owners: run it as root, once; machines can then be used by everybody who can write to the cache")
	}
	tree, scripts := filepath.Join(dir, "tree"), filepath.Join(dir, "guest")
	if err := os.Mkdir(scripts, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"customize", "command"} {
		text, err := fs.ReadFile(guest, "guest/"+name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(scripts, name), text, 0o755); err != nil {
			return err
		}
	}
	args := []string{
		"--quiet", "--variant=minbase", "--include=" + strings.Join(packages, ","), "--aptopt=" + s.settings(),
		"--customize-hook=" + filepath.Join(scripts, "customize") + ` "$1"`,
	}
	for _, path := range unwanted {
		args = append(args, "--dpkgopt=path-exclude="+path)
	}
	if _, err := run(ctx, "mmdebstrap", append(args, s.name, tree, s.sources())...); err != nil {
		return err
	}
	if err := disk(ctx, filepath.Join(dir, userlandDisk), tree, roomMiB); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(tree), os.RemoveAll(scripts))
}

// disk makes an ext4 image of a directory with room MiB beside its files.
func disk(ctx context.Context, file, dir string, room int64) error {
	out, err := run(ctx, "du", "-s", "--block-size=1M", "--apparent-size", dir)
	if err != nil {
		return err
	}
	used, err := strconv.ParseInt(strings.Fields(string(out))[0], 10, 64)
	if err != nil {
		return err
	}
	_, err = run(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d", dir, file, fmt.Sprintf("%dM", used+used/4+room))
	return err
}
