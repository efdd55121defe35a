package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// behaviours are programs that a profiler may stumble over. A function, since
// some of them look operations up.
func behaviours() map[string]operation {
	return map[string]operation{
		"nothing":  func([]string, streams) error { return nil },
		"exit":     exit,
		"signal":   raise,
		"block":    block,
		"pause":    pause,
		"tolerate": tolerate,
		"stdin":    stdin,
		"print":    printLines,
		"refused":  refused,
		"respawn":  respawn,
		"fork":     fork,
		"every":    every,
	}
}

// exit ends with the code given.
func exit(args []string, _ streams) error {
	code, err := number(args, 0)
	if err != nil {
		return err
	}
	return exitError(code)
}

// raise ends by a signal: process 1 of a container is spared its own signals'
// default action, so a child does it and its end is passed on as a shell would.
func raise(args []string, _ streams) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	child := exec.Command("/proc/self/exe", "block")
	if err := child.Start(); err != nil {
		return err
	}
	if err := child.Process.Signal(syscall.Signal(n)); err != nil {
		return err
	}
	if err := child.Wait(); err == nil {
		return errors.New("the child outlived the signal")
	}
	return exitError(128 + n)
}

// block says "ready" and waits for SIGTERM or SIGINT.
func block(_ []string, s streams) error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGTERM, unix.SIGINT)
	fmt.Fprintln(s.out, "ready")
	<-ended
	return nil
}

// pause lasts as many milliseconds, so that a test has time to interfere.
func pause(args []string, s streams) error {
	milliseconds, err := number(args, 0)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "pausing")
	<-time.After(time.Duration(milliseconds) * time.Millisecond)
	return nil
}

// tolerate does the operation named and makes nothing of its failure.
func tolerate(args []string, s streams) error {
	if len(args) == 0 || operations()[args[0]] == nil {
		return fmt.Errorf("no such operation: %q", args)
	}
	if err := operations()[args[0]](args[1:], s); err != nil {
		fmt.Fprintf(s.err, "privop: %s: %v (tolerated)\n", args[0], err)
	}
	return nil
}

// stdin reads lines to the end of its input and fails unless there are as many
// as told.
func stdin(args []string, s streams) error {
	want, err := number(args, 0)
	if err != nil {
		return err
	}
	lines := 0
	for scanner := bufio.NewScanner(s.in); scanner.Scan(); {
		lines++
	}
	if lines != want {
		return fmt.Errorf("read %d lines, want %d", lines, want)
	}
	return nil
}

// printLines prints as many numbered lines on both streams.
func printLines(args []string, s streams) error {
	lines, err := number(args, 0)
	if err != nil {
		return err
	}
	out, complaints := bufio.NewWriter(s.out), bufio.NewWriter(s.err)
	for i := range lines {
		fmt.Fprintf(out, "out %d\n", i)
		fmt.Fprintf(complaints, "err %d\n", i)
	}
	return errors.Join(out.Flush(), complaints.Flush())
}

// refused asks as many times, on as many threads, for a priority that only
// CAP_SYS_NICE gives, and makes nothing of the refusals: each is one check.
func refused(args []string, s streams) error {
	total, err := number(args, 0)
	if err != nil {
		return err
	}
	threads := 1
	if len(args) > 1 {
		if threads, err = number(args, 1); err != nil {
			return err
		}
	}
	var wait sync.WaitGroup
	for i := range threads {
		share := total / threads
		if i < total%threads {
			share++
		}
		wait.Go(func() {
			for range share {
				// The refusal is the point.
				_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -1)
			}
		})
	}
	wait.Wait()
	fmt.Fprintf(s.out, "asked %d times\n", total)
	return nil
}

// respawn runs a worker that does the operation named, and starts it anew for
// ever while it fails, as a server does that can't change its workers' user.
func respawn(args []string, s streams) error {
	for {
		worker := exec.Command("/proc/self/exe", args...)
		worker.Stderr = s.err
		err := worker.Run()
		if err == nil {
			return nil
		}
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			return err
		}
	}
}

// fork runs as many workers at once, each doing the operation named, and fails
// if one of them does.
func fork(args []string, s streams) error {
	workers, err := number(args, 0)
	if err != nil {
		return err
	}
	failures := make([]error, workers)
	var wait sync.WaitGroup
	for i := range workers {
		wait.Go(func() {
			worker := exec.Command("/proc/self/exe", args[1:]...)
			worker.Stderr = s.err
			failures[i] = worker.Run()
		})
	}
	wait.Wait()
	return errors.Join(failures...)
}

// every counts its runs in a file, and fails every so many of them.
func every(args []string, _ streams) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return errors.New("the file to count in is missing")
	}
	counter, err := os.OpenFile(args[1], os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer counter.Close()
	if _, err := counter.Write([]byte{'.'}); err != nil {
		return err
	}
	info, err := counter.Stat()
	if err != nil {
		return err
	}
	if info.Size()%int64(n) == 0 {
		return fmt.Errorf("run %d fails by chance", info.Size())
	}
	return nil
}

// number reads an argument.
func number(args []string, index int) (int, error) {
	if index >= len(args) {
		return 0, errors.New("an argument is missing")
	}
	return strconv.Atoi(args[index])
}
