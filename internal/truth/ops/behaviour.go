package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// behaviours are programs that a profiler may stumble over. A function, since
// some of them look operations up.
func behaviours() map[string]operation {
	return map[string]operation{
		"ignore":             ignore,
		"in-child":           inChild,
		"start-as-other":     startAsOther,
		"crowd":              crowd,
		"exit-amid":          exitAmid,
		"retry-for-ever":     retryForEver,
		"flaky":              flaky,
		"linger":             linger,
		"await-mark":         awaitMark,
		"leave-mark":         func([]string) error { return os.WriteFile(mark, nil, 0o600) },
		"fails-if-permitted": failsIfPermitted,
	}
}

// named looks an operation up.
func named(args []string) (operation, []string, error) {
	if len(args) == 0 || operations()[args[0]] == nil {
		return nil, nil, fmt.Errorf("no such operation: %q", args)
	}
	return operations()[args[0]], args[1:], nil
}

// ignore does the operation named and makes nothing of its failure.
func ignore(args []string) error {
	do, rest, err := named(args)
	if err != nil {
		return err
	}
	if err := do(rest); err != nil {
		_, err := fmt.Fprintln(os.Stdout, "ignored:", err)
		return err
	}
	return nil
}

// inChild has a child do it and passes its failure on.
func inChild(args []string) error { return child("/proc/self/exe", args...).Run() }

// startAsOther changes the user between vfork and exec, where the child shares
// its parent's memory: CLONE_VFORK and CLONE_VM.
func startAsOther([]string) error {
	cmd := child("/ops", "is-other")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: other, NoSetGroups: true}}
	return cmd.Run()
}

// crowd has threads be refused one thing without minding while another does the
// operation named, all at once.
func crowd(args []string) error {
	do, rest, err := named(args)
	if err != nil {
		return err
	}
	var enough atomic.Bool
	var ready, done sync.WaitGroup
	for range 4 {
		ready.Add(1)
		done.Go(func() {
			_ = onThread(func() error {
				ready.Done()
				for !enough.Load() {
					_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -1)
				}
				return nil
			})
		})
	}
	ready.Wait()
	err = do(rest)
	enough.Store(true)
	done.Wait()
	return err
}

// exitAmid has a child end while its threads are inside calls that are refused.
func exitAmid([]string) error {
	if len(os.Args) > 2 && os.Args[2] == "now" {
		var started sync.WaitGroup
		for range 4 {
			started.Add(1)
			go func() {
				for once := sync.OnceFunc(started.Done); ; once() {
					_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -1)
				}
			}()
		}
		started.Wait()
		os.Exit(0)
	}
	for range 20 {
		if err := child("/proc/self/exe", "exit-amid", "now").Run(); err != nil {
			return err
		}
	}
	return nil
}

// retryForEver changes the user and tries again for as long as it is refused,
// with pauses that grow.
func retryForEver([]string) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := setFilesystemID(unix.SYS_SETFSUID)
		if err == nil {
			return nil
		}
		<-time.After(pause)
	}
}

// flaky fails one time in so many, whatever it may do.
func flaky(args []string) error {
	if len(args) == 0 {
		return errors.New("an argument is missing")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if rand.IntN(n) == 0 {
		return errors.New("not today")
	}
	return nil
}

// linger lasts so long that something else gets to run in the container.
func linger(args []string) error {
	if len(args) == 0 {
		return errors.New("an argument is missing")
	}
	lasts, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	<-time.After(lasts)
	return nil
}

// mark is the file by which one process tells another that it was here.
const mark = "/tmp/mark"

// awaitMark waits for it so long, as a workload does on whose client it depends.
func awaitMark(args []string) error {
	if len(args) == 0 {
		return errors.New("an argument is missing")
	}
	limit, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	for end := time.After(limit); ; {
		if _, err := os.Stat(mark); err == nil {
			return nil
		}
		select {
		case <-end:
			return errors.New("nobody came")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// failsIfPermitted fails where it has CAP_SYS_TIME, as a program does that
// refuses to run with more than it should.
func failsIfPermitted([]string) error {
	_, data, err := readCapabilities()
	if err == nil && data[0].Permitted&(1<<unix.CAP_SYS_TIME) != 0 {
		return errors.New("this is more than it should have")
	}
	return err
}
