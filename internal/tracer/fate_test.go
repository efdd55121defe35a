package tracer

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// refusedAnd begins the acts of a process that is refused to leave a group, and ends as
// the rest says.
const refusedAnd = "refused, and "

// endRefused is such an act. Its first process stays out of it: it starts the one that
// is refused, and does not care how that ends.
func endRefused(ending string) error {
	const inner = "CAPPROF_TRACER_REFUSED"
	if os.Getenv(inner) == "" {
		if err := dropCapabilities(); err != nil {
			return err
		}
		child := exec.Command("/proc/self/exe")
		child.Env = append(os.Environ(), inner+"=1")
		var ended *exec.ExitError
		if err := child.Run(); err != nil && !errors.As(err, &ended) {
			return err
		}
		return nil
	}
	var threads sync.WaitGroup
	for range 8 {
		threads.Go(func() {
			runtime.LockOSThread() // and ends the thread
			if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != unix.EPERM {
				panic(errno)
			}
		})
	}
	threads.Wait()
	switch ending {
	case "exits with 1":
		os.Exit(1)
	case "exits as if by SIGTERM":
		os.Exit(128 + int(unix.SIGTERM))
	case "is terminated":
		return unix.Kill(os.Getpid(), unix.SIGKILL)
	case "executes":
		return syscall.Exec("/bin/false", []string{"false"}, nil)
	}
	return nil
}

func TestWhatARefusedProcessDoesThen(t *testing.T) {
	for ending, wentOn := range map[string]bool{
		"exits with 0": true, "exits as if by SIGTERM": true, "is terminated": true, "executes": true,
		"exits with 1": false,
	} {
		t.Run(ending, func(t *testing.T) {
			obs := traced(t, refusedAnd+ending)
			noLosses(t, obs)
			ops := find(obs, "setgroups", unix.EPERM)
			if len(ops) != 1 || ops[0].WentOn != wentOn || ops[0].Count != 8 {
				t.Errorf("%+v", ops)
			}
		})
	}
}
