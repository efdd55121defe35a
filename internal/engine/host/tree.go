package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine/host/inside"
)

// tree is the file tree of a container: a mount namespace that lives as long as its
// descriptors, so that it goes away with capprof, however that ends.
type tree struct {
	// mounts is the mount namespace, root its root directory.
	mounts, root *os.File
	// notes say what could not be had, for people.
	notes []string
}

func (t *tree) close() error { return errors.Join(t.mounts.Close(), t.root.Close()) }

// workbench is where a tree is built, in its own mount namespace. What the machine has there
// belongs into no tree: each start gets a /proc of its own.
const workbench = "/proc"

// makeTree builds a tree: the machine's, under an overlay whose upper layer is in memory
// and nobody else's, or as it is.
func makeTree(s *settings, data *Data) (*tree, error) {
	t := &tree{}
	err := inside.InThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("making a mount namespace: %w", err)
		}
		// Nothing that is mounted here is seen by others.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("making the mounts private: %w", err)
		}
		var err error
		if t.mounts, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
			return err
		}
		volumes, err := takeVolumes(s.volumes, data)
		if err != nil {
			return err
		}
		defer volumes.close()
		if !s.keep {
			if t.notes, err = overlay(); err != nil {
				return err
			}
		}
		if err := t.prepare(s, volumes); err != nil {
			return err
		}
		t.root, err = os.OpenFile("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		if t.mounts != nil {
			_ = t.mounts.Close() // the error is another one
		}
		return nil, err
	}
	return t, nil
}

// overlay makes the machine's tree, under overlays, the root of this thread.
func overlay() (notes []string, err error) {
	machine, err := machineMounts()
	if err != nil {
		return nil, err
	}
	defer machine.close()
	if err := unix.Mount("capprof", workbench, "tmpfs", unix.MS_NOATIME, "mode=0755"); err != nil {
		return nil, fmt.Errorf("mounting a tmpfs for what runs write: %w", err)
	}
	layers := layers{}
	root := filepath.Join(workbench, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	if err := layers.overlay("/", root); err != nil {
		return nil, fmt.Errorf("mounting an overlay over the machine's root: %w; --writes keep does without, and what a run writes stays then", err)
	}
	for _, m := range machine {
		if note := layers.bring(m, root); note != "" {
			notes = append(notes, note)
		}
	}
	// With the same directory for both, the old root lies over the new one until it is
	// unmounted (pivot_root(2)).
	if err := unix.Chdir(root); err != nil {
		return nil, err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return nil, fmt.Errorf("making the overlay the root: %w", err)
	}
	return notes, unix.Unmount(".", unix.MNT_DETACH)
}

// layers are the upper layers of a tree's overlays.
type layers struct{ made int }

// overlay mounts a directory under an overlay of its own.
func (l *layers) overlay(lower, at string) error {
	l.made++
	upper, work := filepath.Join(workbench, fmt.Sprint("upper", l.made)), filepath.Join(workbench, fmt.Sprint("work", l.made))
	info, err := os.Stat(lower)
	if err != nil {
		return err
	}
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	// The upper directory is the merged one's face.
	if err := errors.Join(copyOwner(lower, upper), os.Chmod(upper, info.Mode()&(os.ModePerm|os.ModeSticky|os.ModeSetgid|os.ModeSetuid))); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", escaped(lower), upper, work)
	// Directories can be renamed with the first, as they can without an overlay.
	for _, more := range []string{",redirect_dir=on", ""} {
		if err = unix.Mount("overlay", at, "overlay", 0, options+more); !errors.Is(err, unix.EINVAL) {
			break
		}
	}
	return err
}

// copyOwner gives a directory the owner of another.
func copyOwner(from, to string) error {
	var stat unix.Stat_t
	if err := unix.Stat(from, &stat); err != nil {
		return err
	}
	return os.Chown(to, int(stat.Uid), int(stat.Gid))
}

// escaped is a path as an option of overlayfs (ovl_next_opt, ovl_split_lowerdirs).
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`).Replace(path)
}

// bring puts a mount of the machine into the tree: what holds files under an overlay, what
// the kernel makes as it is. The note says what could not be had.
func (l *layers) bring(m *machineMount, root string) (note string) {
	at := filepath.Join(root, m.at)
	var err error
	switch {
	case m.tree >= 0:
		err = unix.MoveMount(m.tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
	case m.isFile:
		err = l.copyFile(m.at, at)
	default:
		err = l.overlay(m.at, at)
		if err == nil && m.flags != 0 {
			err = unix.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT|m.flags, "")
		}
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, unix.ENOENT):
		return "" // it has been unmounted, or its place removed, meanwhile
	}
	// Reading must do, where no overlay can be had.
	readOnly := uintptr(unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY)
	if failed := errors.Join(unix.Mount(m.at, at, "", unix.MS_BIND, ""), unix.Mount("", at, "", readOnly|m.flags, "")); failed != nil {
		return fmt.Sprintf("%s (%s) is empty in a run: %v, %v", m.at, m.kind, err, failed)
	}
	return fmt.Sprintf("%s (%s) is read-only in a run: no overlay over it: %v", m.at, m.kind, err)
}

// copyFile puts a file that is a mount into the tree, as a copy.
func (l *layers) copyFile(from, at string) error {
	l.made++
	copied := filepath.Join(workbench, fmt.Sprint("file", l.made))
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return unix.Mount(from, at, "", unix.MS_BIND, "")
	}
	out, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close(), copyOwner(from, copied)); err != nil {
		return err
	}
	return unix.Mount(copied, at, "", unix.MS_BIND, "")
}

// prepare mounts what the workload says, in a tree that is the root of this thread.
func (t *tree) prepare(s *settings, volumes volumes) error {
	if !s.keep {
		if err := os.MkdirAll("/proc", 0o755); err != nil {
			return err
		}
	}
	for _, tmpfs := range s.tmpfs {
		if err := mountTmpfs(tmpfs); err != nil {
			return fmt.Errorf("--tmpfs %s: %w", tmpfs.Target, err)
		}
	}
	for _, v := range volumes {
		if err := v.mount(); err != nil {
			return fmt.Errorf("--volume %s: %w", v.target, err)
		}
	}
	return s.unit.makeDirectories(int(s.program.UID), int(s.program.GID))
}
