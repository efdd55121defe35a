package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/workload"
)

// machineMount is a mount of the machine, other than its root, that belongs into a tree.
type machineMount struct {
	at, kind string
	// flags are those of mount(2) that hold for a mount.
	flags  uintptr
	isFile bool
	// tree is what is brought as it is; -1 where it gets an overlay.
	tree int
}

type machineTree []*machineMount

func (all machineTree) close() {
	for _, m := range all {
		if m.tree >= 0 {
			_ = unix.Close(m.tree) // of a mount that is somewhere by now, or nowhere
		}
	}
}

// machineMounts are the mounts that can be seen, outer ones first.
func machineMounts() (all machineTree, err error) {
	// By the thread, whose mounts they are.
	file, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := mountinfo.GetMountsFromReader(file, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the machine's mounts: %w", err)
	}
	defer func() {
		if err != nil {
			all.close()
			all = nil
		}
	}()
	for _, m := range found {
		if !belongs(m) || !isSeen(m) {
			continue
		}
		this := &machineMount{at: m.Mountpoint, kind: m.FSType, flags: flagsOf(m.Options), tree: -1}
		all = append(all, this)
		if isKernels(m.FSType) || this.flags&unix.MS_RDONLY != 0 {
			flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
			if m.Mountpoint == "/sys" {
				flags |= unix.AT_RECURSIVE
			}
			if this.tree, err = unix.OpenTree(unix.AT_FDCWD, m.Mountpoint, flags); err != nil {
				return all, fmt.Errorf("taking the mount %s: %w", m.Mountpoint, err)
			}
			continue
		}
		info, err := os.Stat(m.Mountpoint)
		if err != nil {
			return all, err
		}
		this.isFile = !info.IsDir()
	}
	return all, nil
}

// belongs reports whether a mount belongs into a tree: /proc is each start's own, what is in
// /sys comes with it, and elsewhere the kernel's file systems and overlays are parts of
// other trees, such as those of containers.
func belongs(m *mountinfo.Info) bool {
	at := m.Mountpoint
	below := func(dir string) bool { return strings.HasPrefix(at, dir+"/") }
	switch {
	case at == "/", at == "/proc", below("/proc"), below("/sys"):
		return false
	case at == "/sys", at == "/dev", below("/dev"):
		return true
	}
	return !isKernels(m.FSType) && m.FSType != "overlay" && m.FSType != "fuse.fuse-overlayfs" && m.FSType != "devtmpfs" && m.FSType != "autofs"
}

// isKernels reports whether the files of a file system are made by the kernel and mean
// nothing under an overlay.
func isKernels(kind string) bool {
	return slices.Contains([]string{
		"sysfs", "proc", "devpts", "mqueue", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "configfs", "fusectl", "pstore", "efivarfs", "bpf",
		"hugetlbfs", "nsfs", "rpc_pipefs", "nfsd", "binfmt_misc", "selinuxfs",
	}, kind)
}

// isSeen reports whether a mount is what a path leads to, and not below another one.
func isSeen(m *mountinfo.Info) bool {
	var stat unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, m.Mountpoint, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &stat)
	return err == nil && stat.Mask&unix.STATX_MNT_ID != 0 && stat.Mnt_id == uint64(m.ID)
}

// flagsOf are the flags of a mount's own options, as mountinfo has them.
func flagsOf(options string) uintptr {
	var flags uintptr
	for _, option := range strings.Split(options, ",") {
		flags |= mountFlags[option]
	}
	return flags
}

var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
}

// taken is a volume, as a descriptor that stays what it is while the tree is changed.
type taken struct {
	target   string
	tree     int
	readOnly bool
	isFile   bool
}

type volumes []taken

func (all volumes) close() {
	for _, v := range all {
		_ = unix.Close(v.tree) // of a mount that is somewhere by now, or nowhere
	}
}

// takeVolumes takes the directories of the machine, and of data for those without a source.
func takeVolumes(given []workload.Volume, data *Data) (all volumes, err error) {
	for _, v := range given {
		source := v.Source
		if source == "" {
			if source, err = data.directory(v.Target); err != nil {
				all.close()
				return nil, err
			}
		}
		info, err := os.Stat(source)
		if err == nil {
			var tree int
			if tree, err = unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE); err == nil {
				all = append(all, taken{path.Clean(v.Target), tree, v.ReadOnly(), !info.IsDir()})
				continue
			}
		}
		all.close()
		return nil, fmt.Errorf("--volume: taking %s: %w", source, err)
	}
	slices.SortStableFunc(all, func(a, b taken) int { return strings.Compare(a.target, b.target) })
	return all, nil
}

// mount mounts a volume in the tree that is this thread's root.
func (v taken) mount() error {
	if err := makeTarget(v.target, v.isFile); err != nil {
		return err
	}
	if err := unix.MoveMount(v.tree, "", unix.AT_FDCWD, v.target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	if !v.readOnly {
		return nil
	}
	return unix.MountSetattr(unix.AT_FDCWD, v.target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// makeTarget makes what a mount goes over, where it is not there.
func makeTarget(target string, isFile bool) error {
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !isFile {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

// mountTmpfs mounts a --tmpfs with Docker's options: noexec, nosuid and nodev where nothing
// else is said.
func mountTmpfs(v workload.Volume) error {
	if err := makeTarget(v.Target, false); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	var data []string
	for _, option := range v.Options {
		lifted, lifts := map[string]uintptr{"exec": unix.MS_NOEXEC, "suid": unix.MS_NOSUID, "dev": unix.MS_NODEV, "rw": unix.MS_RDONLY}[option]
		switch {
		case lifts:
			flags &^= lifted
		case mountFlags[option] != 0:
			flags |= mountFlags[option]
		default:
			data = append(data, option)
		}
	}
	return unix.Mount("tmpfs", v.Target, "tmpfs", flags, strings.Join(data, ","))
}
