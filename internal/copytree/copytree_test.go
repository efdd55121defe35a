package copytree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/testengine"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string, mode fs.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.Chmod(path, mode))
}

// dirs are a tree and an empty directory for its copy.
func dirs(t testing.TB) (from, to string) {
	t.Helper()
	from, to = filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	must(t, os.Mkdir(from, 0o755))
	must(t, os.Mkdir(to, 0o700))
	return from, to
}

func root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "owners, nodes and attributes need root")
	}
}

// describe is all of a tree that a copy keeps, a line a file.
func describe(t testing.TB, tree string) []string {
	t.Helper()
	var lines []string
	names := map[inode]string{}
	must(t, filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		must(t, err)
		var st unix.Stat_t
		must(t, unix.Lstat(path, &st))
		line := fmt.Sprintf("%s mode %o owner %d:%d mtime %v", rel, st.Mode, st.Uid, st.Gid, st.Mtim)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			must(t, err)
			line += fmt.Sprintf(" %d bytes %.20q", len(data), data)
		case unix.S_IFLNK:
			text, err := os.Readlink(path)
			must(t, err)
			line += " -> " + text
		case unix.S_IFCHR, unix.S_IFBLK:
			line += fmt.Sprintf(" device %x", st.Rdev)
		}
		if id := (inode{st.Dev, st.Ino}); st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if first, ok := names[id]; ok {
				line += " same as " + first
			} else {
				names[id] = rel
			}
		}
		attributes, err := place{path, false}.attributes()
		must(t, err)
		slices.Sort(attributes)
		for _, name := range attributes {
			value, err := place{path, false}.attribute(name)
			must(t, err)
			line += fmt.Sprintf(" %s=%x", name, value)
		}
		lines = append(lines, line)
		return nil
	}))
	return lines
}

// accessList is an access control list in its form as an attribute (include/uapi/linux/
// posix_acl_xattr.h): the owner, a user, the group, the mask and others.
func accessList(user uint32, permissions ...byte) []byte {
	list := []byte{2, 0, 0, 0}
	for i, tag := range []byte{0x01, 0x02, 0x04, 0x10, 0x20} {
		id := []byte{255, 255, 255, 255}
		if tag == 0x02 {
			id = []byte{byte(user), byte(user >> 8), byte(user >> 16), byte(user >> 24)}
		}
		list = append(append(list, tag, 0, permissions[i], 0), id...)
	}
	return list
}

func TestEverythingIsKept(t *testing.T) {
	root(t)
	from, to := dirs(t)
	in := func(name string) string { return filepath.Join(from, name) }
	write(t, in("plain"), "text", 0o640)
	write(t, in("empty"), "", 0o000)
	write(t, in("program"), "#!", 0o755)
	must(t, os.Chown(in("program"), 1001, 1002))
	must(t, unix.Chmod(in("program"), 0o6751))
	// cap_net_raw+ep, revision 2 (linux/capability.h).
	must(t, unix.Setxattr(in("program"), "security.capability", []byte{1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0))
	must(t, unix.Setxattr(in("plain"), "user.note", []byte("noted\x00"), 0))
	must(t, unix.Setxattr(in("plain"), "user.large", bytes.Repeat([]byte("x"), 3000), 0))
	must(t, unix.Setxattr(in("plain"), "trusted.empty", nil, 0))
	must(t, os.Mkdir(in("private"), 0o700))
	must(t, os.Chown(in("private"), 70, 71))
	write(t, in("private/secret"), "hidden", 0o000)
	must(t, os.Chown(in("private/secret"), 70, 71))
	must(t, os.Mkdir(in("private/shared"), 0o777))
	must(t, unix.Chmod(in("private/shared"), 0o3777))
	must(t, os.Link(in("plain"), in("private/another name")))
	must(t, os.Link(in("plain"), in("private/shared/and a third")))
	must(t, os.Symlink("/etc/shadow", in("link")))
	must(t, os.Lchown(in("link"), 5, 6))
	must(t, os.Symlink("nowhere", in("dangling")))
	must(t, os.Link(in("link"), in("the same link")))
	must(t, unix.Lsetxattr(in("link"), "trusted.on", []byte("a link"), 0))
	must(t, unix.Mkfifo(in("pipe"), 0o620))
	must(t, unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(t, unix.Mknod(in("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
	must(t, os.Chown(in("disk"), 0, 6))
	must(t, unix.Mknod(in("whiteout"), unix.S_IFCHR, 0))
	must(t, unix.Mknod(in("socket"), unix.S_IFSOCK|0o755, 0))
	must(t, os.Link(in("socket"), in("the same socket")))
	write(t, in("line\nbreak \xff"), "odd", 0o600)
	must(t, os.Mkdir(in("listed"), 0o750))
	write(t, in("listed/before"), "no list", 0o640)
	must(t, os.Mkdir(in("listed/below"), 0o750))
	must(t, unix.Setxattr(in("listed"), accessControl+"access", accessList(1234, 7, 5, 5, 5, 0), 0))
	must(t, unix.Setxattr(in("listed"), accessControl+"default", accessList(1234, 7, 7, 5, 7, 0), 0))
	write(t, in("listed/inherits"), "a list", 0o640)
	// Times last, the tree's own too.
	for i, name := range []string{"private/secret", "private", "pipe", "null", "listed", "plain", "link", "."} {
		when := unix.NsecToTimespec(time.Date(1999+i, 2, 3, 4, 5, 6, 789, time.UTC).UnixNano())
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, in(name), []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW))
	}
	must(t, unix.Chmod(from, 0o2711))
	// The place has a list of its own, which is handed down to what is made in it.
	must(t, unix.Setxattr(to, accessControl+"default", accessList(99, 7, 7, 7, 7, 7), 0))

	before := describe(t, from)
	result, err := Copy(t.Context(), from, to, Options{})
	must(t, err)
	if result.Changed != "" {
		t.Errorf("%q is said to have changed", result.Changed)
	}
	after := describe(t, to)
	for i := range max(len(before), len(after)) {
		if i >= len(before) || i >= len(after) || before[i] != after[i] {
			t.Fatalf("line %d:\nfrom %q\nto   %q", i, before[min(i, len(before)-1):], after[min(i, len(after)-1):])
		}
	}
	if again := describe(t, from); !slices.Equal(before, again) {
		t.Errorf("the source has changed:\n%q\n%q", before, again)
	}
}

// The source's access times stay: what reads it is not the user.
func TestReadingLeavesNoTrace(t *testing.T) {
	from, to := dirs(t)
	write(t, filepath.Join(from, "a"), "text", 0o600)
	long := unix.NsecToTimespec(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	for _, name := range []string{"a", "."} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(from, name), []unix.Timespec{long, long}, 0))
	}
	_, err := Copy(t.Context(), from, to, Options{})
	must(t, err)
	for _, name := range []string{from, from + "/a", to + "/a"} {
		var st unix.Stat_t
		must(t, unix.Stat(name, &st))
		if st.Atim != long {
			t.Errorf("%s was accessed at %v", name, time.Unix(st.Atim.Sec, 0))
		}
	}
}

func TestHolesStayHoles(t *testing.T) {
	const size = 1 << 30
	for name, at := range map[string][]int64{"none": nil, "first": {0}, "last": {size - 1}, "some": {1 << 20, 1<<29 + 5}} {
		t.Run(name, func(t *testing.T) {
			from, to := dirs(t)
			f, err := os.Create(filepath.Join(from, "sparse"))
			must(t, err)
			must(t, f.Truncate(size))
			for _, offset := range at {
				_, err := f.WriteAt([]byte("x"), offset)
				must(t, err)
			}
			must(t, f.Sync())
			must(t, f.Close())
			// A limit far below its length: holes do not count.
			result, err := Copy(t.Context(), from, to, Options{Limit: 1 << 20})
			must(t, err)
			var st unix.Stat_t
			must(t, unix.Stat(filepath.Join(to, "sparse"), &st))
			if st.Size != size || st.Blocks*512 > 1<<20 || result.Bytes > 1<<20 {
				t.Errorf("size %d, %d bytes on disk, %d copied", st.Size, st.Blocks*512, result.Bytes)
			}
			got, err := os.Open(filepath.Join(to, "sparse"))
			must(t, err)
			defer got.Close()
			for _, offset := range at {
				b := make([]byte, 1)
				if _, err := got.ReadAt(b, offset); err != nil || b[0] != 'x' {
					t.Errorf("at %d: %q, %v", offset, b, err)
				}
			}
		})
	}
}

// TestRangesOneByOne: what the kernel does not copy, and file systems that do not tell
// holes.
func TestRangesOneByOne(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef"), chunk/16+1000)
	copy(text[3*block:], make([]byte, 5*block))
	copy(text[chunk-block/2:], make([]byte, block))
	for _, holes := range []bool{false, true} {
		dir := t.TempDir()
		write(t, dir+"/from", string(text), 0o600)
		from, err := os.Open(dir + "/from")
		must(t, err)
		defer from.Close()
		to, err := os.Create(dir + "/to")
		must(t, err)
		defer to.Close()
		must(t, to.Truncate(int64(len(text))))
		c := &copier{ctx: t.Context()}
		must(t, c.readAndWrite(from, to, 0, int64(len(text)), holes))
		got, err := os.ReadFile(dir + "/to")
		must(t, err)
		if !bytes.Equal(got, text) {
			t.Errorf("holes %v: the copy differs", holes)
		}
		if saved := int64(len(text)) - c.result.Bytes; saved != map[bool]int64{true: 5 * block}[holes] {
			t.Errorf("holes %v: %d bytes were not written", holes, saved)
		}
	}
}

func TestOneFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/from", "text", 0o604)
	_, err := Copy(t.Context(), dir+"/from", dir+"/to", Options{})
	must(t, err)
	if got := describe(t, dir+"/to"); !slices.Equal(got, describe(t, dir+"/from")) {
		t.Errorf("%q", got)
	}
	if _, err := Copy(t.Context(), dir+"/from", dir+"/to", Options{}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("over a file that is there: %v", err)
	}
}

func TestLimitAndProgress(t *testing.T) {
	from, to := dirs(t)
	for i := range 20 {
		write(t, filepath.Join(from, fmt.Sprint(i)), strings.Repeat("x", 64<<10), 0o600)
	}
	must(t, os.Link(filepath.Join(from, "0"), filepath.Join(from, "again")))
	const all = 20 * 64 << 10
	var limit *LimitError
	if _, err := Copy(t.Context(), from, to, Options{Limit: all - 1}); !errors.As(err, &limit) || limit.Bytes != all || limit.Limit != all-1 {
		t.Errorf("one byte too much: %v", err)
	}
	if names, err := os.ReadDir(to); len(names) > 0 || err != nil {
		t.Errorf("%d names were copied first, %v", len(names), err)
	}
	var told []int64
	result, err := Copy(t.Context(), from, to, Options{Limit: all, Progress: func(done, total int64) {
		if total != all || len(told) > 0 && done <= told[len(told)-1] {
			t.Errorf("%d of %d after %v", done, total, told)
		}
		told = append(told, done)
	}})
	if err != nil || result.Bytes != all || len(told) != 20 || told[19] != all {
		t.Errorf("%+v, %v, told %v", result, err, told)
	}
	if _, err := Copy(t.Context(), from, to, Options{}); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("over what is there: %v", err)
	}
	// It grows after it was measured.
	c := &copier{ctx: t.Context(), options: Options{Limit: 10}, total: 5}
	must(t, c.copied(10))
	if err := c.copied(1); !errors.As(err, &limit) {
		t.Errorf("grown: %v", err)
	}
}

func TestACopyThatIsGivenUp(t *testing.T) {
	from, to := dirs(t)
	for i := range 10 {
		write(t, filepath.Join(from, fmt.Sprint(i)), strings.Repeat("x", 8<<10), 0o600)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result, err := Copy(ctx, from, to, Options{Progress: func(int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) || result.Bytes != 8<<10 {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := Copy(ctx, from, to, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("before it began: %v", err)
	}
}

// TestWhatChangesMeanwhile: a file that goes, one that grows and one whose place a link
// takes.
func TestWhatChangesMeanwhile(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"gone":    os.Remove,
		"a link":  func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
		"a pipe":  func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) },
		"longer":  func(path string) error { return os.WriteFile(path, []byte("more than there was"), 0o600) },
		"deleted": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			from, to := dirs(t)
			must(t, os.Mkdir(filepath.Join(from, "d"), 0o755))
			victim := filepath.Join(from, "d", "victim")
			write(t, victim, "text", 0o600)
			source, err := os.Open(filepath.Join(from, "d"))
			must(t, err)
			defer source.Close()
			target, err := os.Open(to)
			must(t, err)
			defer target.Close()
			c := &copier{ctx: t.Context(), root: target, links: map[inode]string{}, uncloned: map[uint64]bool{}}
			if name == "longer" {
				// Between its being opened and its end.
				c.options.Progress, c.total = func(int64, int64) { must(t, change(victim)) }, 4
				must(t, c.file(pair{source, target, "victim", "victim"}, "d/victim"))
			} else {
				must(t, change(victim))
				must(t, c.file(pair{source, target, "victim", "victim"}, "d/victim"))
			}
			if c.result.Changed != "d/victim" {
				t.Errorf("changed: %q", c.result.Changed)
			}
			if data, err := os.ReadFile(filepath.Join(to, "victim")); bytes.Contains(data, []byte("root:")) {
				t.Errorf("the copy is what the link points to, %v", err)
			}
		})
	}
}

func TestFilesOfTheKernel(t *testing.T) {
	for _, from := range []string{"/proc", "/sys", "/proc/self/fd"} {
		_, to := dirs(t)
		if _, err := Copy(t.Context(), from, to, Options{}); !errors.Is(err, ErrKernelFiles) {
			t.Errorf("%s: %v", from, err)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	from, to := dirs(t)
	for _, c := range [][2]string{{from + "/x", to}, {from + "/x/y", to}, {from, to + "/x"}, {from, to + "/x/y"}} {
		if _, err := Copy(t.Context(), c[0], c[1], Options{}); !errors.Is(err, unix.ENOENT) {
			t.Errorf("%s to %s: %v", c[0], c[1], err)
		}
	}
	// A link is no tree of its own.
	must(t, os.Symlink(from, to+"/link"))
	if _, err := Copy(t.Context(), from, to+"/link", Options{}); err == nil {
		t.Error("through a link")
	}
}
