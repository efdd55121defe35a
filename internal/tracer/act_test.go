package tracer

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// The test binary plays the container too: it is started again inside a cgroup and
// a mount namespace of its own, gives up its capabilities and does what actEnv says.
const actEnv = "CAPPROF_TRACER_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actEnv); act != "" {
		if err := perform(act); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// dropCapabilities empties the sets of the calling thread, which stays the one
// that acts; the bounding set too, or root would have them back with an execve.
func dropCapabilities() error {
	runtime.LockOSThread()
	for c := range capability.Known().All() {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capset(&header, &data[0])
}

// actor is the command that plays a container in a cgroup.
func actor(t *testing.T, cgroup, act string) *exec.Cmd {
	t.Helper()
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() }) // only read
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), actEnv+"="+act, "GOMAXPROCS=2")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Unshareflags: unix.CLONE_NEWNS}
	return cmd
}

// actIn plays a container from its start to its end.
func actIn(t *testing.T, cgroup, act string) {
	t.Helper()
	if out, err := actor(t, cgroup, act).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", act, err, out)
	}
}

// renew makes the cgroup of a container that is started again: another one of the same
// name.
func renew(t *testing.T, cgroup string) {
	t.Helper()
	if err := errors.Join(os.Remove(cgroup), os.Mkdir(cgroup, 0o755)); err != nil {
		t.Fatal(err)
	}
}

// newCgroup makes a cgroup in the unified hierarchy; name tells those of a test apart.
func newCgroup(t *testing.T, name string) string {
	t.Helper()
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	defer mounts.Close()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[2] == "cgroup2" {
			dir := filepath.Join(fields[1], fmt.Sprintf("capprof-tracer-%d-%s-%s", os.Getpid(), strings.ToLower(filepath.Base(t.Name())), name))
			return makeCgroup(t, dir)
		}
	}
	t.Fatal("no cgroup2 file system is mounted; tracing needs the unified hierarchy")
	return ""
}

// makeCgroup makes a cgroup for as long as the test lasts.
func makeCgroup(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func perform(act string) error {
	if act == stormOfThreads {
		return storm()
	}
	if act == "another network" {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		return dependent()
	}
	if act == "file capabilities" {
		return executeAndTakeAway()
	}
	if act == "take away" {
		return unix.Removexattr(os.Getenv(fileEnv), "security.capability")
	}
	if ending, ok := strings.CutPrefix(act, refusedAnd); ok {
		return endRefused(ending)
	}
	if act == "signal" {
		return signalOthers()
	}
	if dir, ok := strings.CutPrefix(act, movedTo); ok {
		if err := move(dir); err != nil {
			return err
		}
		act = "chown"
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("dropping capabilities: %w", err)
	}
	expect := func(err, want error) error {
		if !errors.Is(err, want) {
			return fmt.Errorf("%s: got %w, want %w", act, err, want)
		}
		return nil
	}
	switch act {
	case "chown":
		dir, err := os.MkdirTemp("", "capprof")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := os.Chdir(dir); err != nil {
			return err
		}
		if err := os.WriteFile("file", nil, 0o600); err != nil {
			return err
		}
		return expect(syscall.Fchownat(unix.AT_FDCWD, "file", 1000, 1000, 0), unix.EPERM)
	case "setpriority":
		for range 100000 {
			if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, -5); !errors.Is(err, unix.EACCES) {
				return fmt.Errorf("setpriority: %w", err)
			}
		}
		return nil
	case "paths":
		for i := range 2000 {
			if err := syscall.Sethostname(fmt.Appendf(nil, "capprof-%d", i)); !errors.Is(err, unix.EPERM) {
				return fmt.Errorf("sethostname: %w", err)
			}
		}
		return nil
	case "storm":
		// The sets belong to a thread; those of a new program's threads are all empty.
		if err := os.Setenv(actEnv, stormOfThreads); err != nil {
			return err
		}
		return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	case "capset":
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{{Effective: 1 << 10, Permitted: 1<<10 | 1<<25, Inheritable: 1 << 0}, {Permitted: 1 << 2, Inheritable: 1 << 1}}
		return expect(unix.Capset(&header, &data[0]), unix.EPERM)
	case "clone3":
		id := int32(100)
		arguments := [11]uint64{0: unix.CLONE_NEWUTS, 4: uint64(unix.SIGCHLD), 8: uint64(uintptr(unsafe.Pointer(&id))), 9: 1} // struct clone_args
		_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&arguments)), unsafe.Sizeof(arguments), 0)
		return expect(errno, unix.EPERM)
	case "bind":
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		return expect(unix.Bind(fd, &unix.SockaddrUnix{Name: "/proc/nowhere"}), unix.ENOENT)
	case "all refused":
		return refuseAll()
	case "network":
		return dependent()
	case "on request":
		return onRequest(os.Stdin, os.Stdout)
	case "device":
		if _, err := os.Open("/dev/capprof-missing"); !errors.Is(err, unix.ENOENT) {
			return err
		}
		_, err := os.Open("/etc/capprof-missing")
		return expect(errors.Unwrap(err), unix.ENOENT)
	case "children":
		return exec.Command("/bin/sh", "-c", "chown 1 /; sh -c 'chown 2 / || true'; true").Run()
	}
	return fmt.Errorf("unknown act %s", act)
}

// signalOthers is refused to signal another user's process, and the group that it leads.
func signalOthers() error {
	other := exec.Command("cat")
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, Setpgid: true}
	input, err := other.StdinPipe()
	if err != nil {
		return err
	}
	if err := other.Start(); err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	for _, pid := range []int{other.Process.Pid, -other.Process.Pid} {
		if err := unix.Kill(pid, unix.SIGTERM); !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
	}
	return errors.Join(input.Close(), other.Wait())
}

// dependent makes calls of which two binds and two sockets depend on the sysctls of
// the network, whatever they are set to and however the calls end.
func dependent() error {
	for _, socket := range []struct {
		family, kind, protocol int
		addresses              []unix.Sockaddr
	}{
		{unix.AF_INET, unix.SOCK_STREAM, 0, []unix.Sockaddr{&unix.SockaddrInet4{Port: 0}, &unix.SockaddrInet4{Port: 1023, Addr: [4]byte{127, 0, 0, 9}}}},
		{unix.AF_INET6, unix.SOCK_DGRAM, 0, []unix.Sockaddr{&unix.SockaddrInet6{Port: 1024}, &unix.SockaddrInet6{Port: 53}}},
		{unix.AF_UNIX, unix.SOCK_STREAM, 0, []unix.Sockaddr{&unix.SockaddrUnix{Name: "/proc/nowhere"}}},
		{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP, nil},
		{unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6, nil},
		{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, nil},
		{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, nil},
	} {
		for _, flags := range []int{0, unix.SOCK_CLOEXEC} {
			fd, err := unix.Socket(socket.family, socket.kind|flags, socket.protocol)
			if err != nil {
				continue
			}
			for _, address := range socket.addresses {
				_ = unix.Bind(fd, address) // refused or not: the attempt is what counts
			}
			if err := unix.Close(fd); err != nil {
				return err
			}
		}
	}
	return nil
}
