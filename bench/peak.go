package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// peakCommand makes the benchmark run the command that follows and print its
// largest resident set in KiB.
//
// It takes a process in between: the kernel counts what a process held before its
// execve(2) too (setmax_mm_hiwater_rss in exec_mmap), and with vfork that is the
// memory of whoever started it. A fresh benchmark holds little, one that has loaded
// programs may hold more than capprof does.
const peakCommand = "peak-of"

// runForPeak passes an interrupt on by outliving it: the terminal, or the caller's
// signal, reaches the command too.
func runForPeak(args []string, stdout, stderr io.Writer) int {
	cmd := exec.Command(args[0], args[1:]...)
	// The result is of no interest here; what the run printed is in the log files.
	cmd.Stderr = stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, err)
		return exitBroken
	}
	go func() {
		for s := range interrupts {
			_ = cmd.Process.Signal(s) // it may have ended just now
		}
	}()
	err := cmd.Wait()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		fmt.Fprintln(stdout, usage.Maxrss)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitBroken
	}
	return 0
}
