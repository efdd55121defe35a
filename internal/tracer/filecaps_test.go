package tracer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// sysTimeAttribute is what setcap(8) writes for cap_sys_time+ep.
const sysTimeAttribute = "\x01\x00\x00\x02\x00\x00\x00\x02" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// fileEnv names the file for the act that takes its capabilities away.
const fileEnv = "CAPPROF_TRACER_FILE"

// executeAndTakeAway does what `cp /bin/true t; setcap cap_sys_time+ep t; t; setcap -r t`
// does in a container without CAP_SYS_TIME.
func executeAndTakeAway() error {
	dir, err := os.MkdirTemp("", "capprof")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "with-capabilities")
	if err := os.WriteFile(file, program, 0o755); err != nil {
		return err
	}
	if err := unix.Setxattr(file, "security.capability", []byte(sysTimeAttribute), 0); err != nil {
		return fmt.Errorf("setting the attribute: %w", err)
	}
	runtime.LockOSThread() // the bounding set is a thread's
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability.SysTime), 0, 0, 0); err != nil {
		return err
	}
	if err := exec.Command(file).Run(); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("executing the file: %w, want EPERM", err)
	}
	remove := exec.Command("/proc/self/exe")
	remove.Env = append(os.Environ(), actEnv+"=take away", fileEnv+"="+file)
	if out, err := remove.CombinedOutput(); err != nil {
		return fmt.Errorf("taking the attribute away: %w: %s", err, out)
	}
	return nil
}

func TestFileCapabilitiesAreReadWhenTheFileIsRefused(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	// An engine takes longer to start a container than the tracer to read symbols. Here
	// reading them would keep the Go runtime from the event for as long.
	if _, err := tracer.symbols(); err != nil {
		t.Fatal(err)
	}
	sysTime := capability.Of(capability.SysTime)
	// The workload takes the attribute away a moment later, and a busy machine may be
	// slower than that. What the workload gave to the file is seen in any case.
	for range 20 {
		obs := tracedBy(t, tracer, "file capabilities")
		noLosses(t, obs)
		if given := find(obs, "setxattr", 0); len(given) != 1 || given[0].Object.SecondPath != fileCapabilityAttribute || given[0].Object.Capabilities != sysTime {
			t.Fatalf("what was given: %+v", given)
		}
		refused := find(obs, "execve", unix.EPERM)
		if len(refused) != 1 {
			t.Fatalf("%+v", refused)
		}
		for _, op := range obs.Operations {
			if op.Object.FileSeen && !op.Failed() {
				t.Errorf("looked at a file that was not refused: %+v", op)
			}
		}
		if refused[0].Object.FileSeen && refused[0].Object.Capabilities == sysTime {
			return
		}
	}
	t.Error("the file was never looked at in time")
}

// The root is a directory of ours, in which a container would have planted things.
func TestFilesAreLookedForInsideOfTheRoot(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	for name, attribute := range map[string]string{
		filepath.Join(dir, "sys-time"): sysTimeAttribute, filepath.Join(dir, "none"): "", filepath.Join(outside, "sys-time"): sysTimeAttribute,
	} {
		if err := os.WriteFile(name, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if attribute == "" {
			continue
		}
		if err := unix.Setxattr(name, "security.capability", []byte(attribute), 0); err != nil {
			t.Fatalf("setting file capabilities needs CAP_SETFCAP and a file system that keeps them: %v", err)
		}
	}
	for link, target := range map[string]string{"absolute": "/sys-time", "relative": "../../sys-time", "leads-out": filepath.Join(outside, "sys-time"), "circle": "circle"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	sysTime := capability.Of(capability.SysTime)
	for name, want := range map[string]capability.Set{"/sys-time": sysTime, "/absolute": sysTime, "/relative": sysTime, "/../sys-time": sysTime, "/none": 0, "/fifo": 0} {
		if got, err := capabilitiesBelow(root, name); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"/leads-out", "/circle", "/missing", "/none/below"} {
		if got, err := capabilitiesBelow(root, name); err == nil {
			t.Errorf("%s: %s; want an error", name, got)
		}
	}
}

func TestARootIsThatOfAProcessInTheContainer(t *testing.T) {
	cgroup := newCgroup(t, "root")
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	waits := exec.Command("cat")
	waits.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	stdin, err := waits.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := waits.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(stdin.Close(), waits.Wait()); err != nil {
			t.Error(err)
		}
	}()
	inside, outside := waits.Process.Pid, os.Getpid()
	const nobody = 1<<22 + 1 // beyond the kernel's PID_MAX_LIMIT
	container := Target{filepath.Base(cgroup)}
	// The one that was refused is gone; the container's first process is there.
	if _, err := fileCapabilities("/bin/true", container, nobody, inside); err != nil {
		t.Error(err)
	}
	if _, err := fileCapabilities("/bin/true", container, outside, nobody); err == nil {
		t.Error("took the root of a process in another cgroup, or of none")
	}
	for lines, want := range map[string]bool{
		"1:cpu:/docker/abc\n0::/docker/abc\n": true, "0::/docker/abc/below\n": true, "0::/docker/abcd\n": false,
		"1:cpu:/docker/abc\n0::/other\n": false, "": false,
	} {
		if inCgroup(lines, "abc") != want {
			t.Errorf("%q: %v", lines, !want)
		}
	}
}
