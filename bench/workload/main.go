// Command workload is what the benchmark runs in its containers. It does the steps
// that its arguments name, one after the other, separated by "+":
//
//	loop N      N times a read of one byte and a write of one
//	refused N   N times a call that is refused after one capability check
//	chown       an operation that needs CAP_CHOWN, failing without it
//	gate PATH   connects to a socket and waits until the other side hangs up
//	serve MS    listens after so many milliseconds, until it is asked to end
//	exec CMD... becomes another program
//
// A loop times itself and prints the nanoseconds that one turn took, so that the
// start of a container is not in the number.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	// One thread does everything, so that what is measured does not wander.
	runtime.LockOSThread()
	for len(args) > 0 {
		step := args
		if i := slices.Index(args, "+"); i >= 0 {
			step, args = args[:i], args[i+1:]
		} else {
			args = nil
		}
		if err := perform(step, out); err != nil {
			return fmt.Errorf("%q: %w", step, err)
		}
	}
	return nil
}

func perform(step []string, out io.Writer) error {
	if len(step) == 0 {
		return errors.New("an empty step")
	}
	operand := ""
	if len(step) > 1 {
		operand = step[1]
	}
	switch step[0] {
	case "loop":
		return timed(operand, out, readAndWrite)
	case "refused":
		return timed(operand, out, askInVain)
	case "chown":
		return chown()
	case "gate":
		return gate(operand)
	case "serve":
		return serve(operand)
	case "exec":
		path, err := exec.LookPath(operand)
		if err != nil {
			return err
		}
		return syscall.Exec(path, step[1:], os.Environ())
	}
	return errors.New("no such step")
}

// stretches is how many parts a loop is timed in. Their median leaves out those
// that lost the processor to somebody else for a moment.
const stretches = 50

// timed does a loop of so many turns and prints the nanoseconds that one of them
// took.
func timed(turns string, out io.Writer, loop func(turns int) error) error {
	n, err := strconv.Atoi(turns)
	if err != nil || n < stretches {
		return fmt.Errorf("%q is no number of turns from %d on", turns, stretches)
	}
	n /= stretches
	var took [stretches]time.Duration
	for i := range took {
		began := time.Now() // CLOCK_MONOTONIC beneath
		if err := loop(n); err != nil {
			return err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took[:])
	_, err = fmt.Fprintln(out, float64(took[stretches/2].Nanoseconds())/float64(n))
	return err
}

// readAndWrite calls the kernel without the runtime's bookkeeping, which would be
// measured too.
func readAndWrite(turns int) error {
	from, err := unix.Open("/dev/zero", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := unix.Open("/dev/null", unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	var b [1]byte
	at := uintptr(unsafe.Pointer(&b[0]))
	for range turns {
		if n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(from), at, 1); n != 1 {
			return fmt.Errorf("read: %w", errno)
		}
		if n, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(to), at, 1); n != 1 {
			return fmt.Errorf("write: %w", errno)
		}
	}
	runtime.KeepAlive(&b)
	return nil
}

// askInVain wants a priority that only CAP_SYS_NICE gives.
func askInVain(turns int) error {
	priority := -5
	for range turns {
		if _, _, errno := syscall.RawSyscall(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(priority)); errno != unix.EACCES {
			return fmt.Errorf("setpriority: got %w, want EACCES", errno)
		}
	}
	return nil
}

func chown() (err error) {
	file, err := os.CreateTemp("", "owned")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	return file.Chown(1, 1)
}

func gate(path string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.Copy(io.Discard, conn)
	return err
}

// serve is a service that takes its time to be ready.
func serve(milliseconds string) error {
	n, err := strconv.Atoi(milliseconds)
	if err != nil {
		return fmt.Errorf("reading a time: %w", err)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGTERM)
	time.Sleep(time.Duration(n) * time.Millisecond)
	listener, err := net.Listen("tcp4", ":8080")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer listener.Close()
	<-asked
	return nil
}
