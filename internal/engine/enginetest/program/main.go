// Command program is what the image of the engine suite runs.
// Its first argument chooses what it does, so that each test can look at one
// effect of one option from inside the container.
package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("no arguments")
		return
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(99)
	}
}

func run(verb string, args []string) error {
	switch verb {
	case "exit":
		code, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		os.Exit(code)
	case "echo":
		fmt.Println(strings.Join(args, " "))
	case "complain":
		fmt.Fprintln(os.Stderr, strings.Join(args[1:], " "))
		code, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		os.Exit(code)
	case "both":
		return both(args)
	case "digest":
		return digest()
	case "cat":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "file":
		data, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(data)
		return err
	case "write":
		return os.WriteFile(args[0], []byte(args[1]), 0o600)
	case "list":
		names, err := os.ReadDir(args[0])
		for _, name := range names {
			fmt.Println(name.Name())
		}
		return err
	case "line":
		return line(args[0], args[1])
	case "describe":
		return describe()
	case "hang":
		// Says when it is there and then ignores the polite signals.
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		fmt.Println("hanging")
		for {
			// Not an empty select: with no other goroutine that is a deadlock.
			if err := syscall.Pause(); err != nil && err != syscall.EINTR {
				return err
			}
		}
	case "spin":
		fmt.Println("spinning")
		for { //nolint:revive,staticcheck // until it is killed
		}
	case "obey":
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		fmt.Println("obeying")
		<-asked
	case "again":
		return again(args[0])
	case "remove":
		return os.Remove(args[0])
	case "serve":
		return serve(args)
	case "open":
		flags := map[string]int{"r": os.O_RDONLY, "w": os.O_WRONLY}[args[0]]
		file, err := os.OpenFile(args[1], flags, 0)
		if err != nil {
			return err
		}
		return file.Close()
	case "sysinfo":
		return syscall.Sysinfo(new(syscall.Sysinfo_t))
	case "window":
		return window()
	default:
		return fmt.Errorf("no such verb %q", verb)
	}
	return nil
}

// both writes n pseudo-random bytes on stdout and n others on stderr, in turn.
func both(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	out, errs := rand.New(rand.NewSource(1)), rand.New(rand.NewSource(2))
	for left := n; left > 0; {
		chunk := make([]byte, min(left, 31337))
		left -= len(chunk)
		out.Read(chunk)
		if _, err := os.Stdout.Write(chunk); err != nil {
			return err
		}
		errs.Read(chunk)
		if _, err := os.Stderr.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// digest reads stdin to its end and prints its size and SHA-256.
func digest() error {
	hash := sha256.New()
	n, err := io.Copy(hash, os.Stdin)
	if err != nil {
		return err
	}
	fmt.Printf("%d %x\n", n, hash.Sum(nil))
	return nil
}

// line prints the lines of a file that start with a word.
func line(path, word string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for scan := bufio.NewScanner(file); scan.Scan(); {
		if strings.HasPrefix(scan.Text(), word) {
			fmt.Println(scan.Text())
		}
	}
	return nil
}

// describe prints where and as whom it runs, one name=value a line.
func describe() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	fmt.Printf("args=%q\ncwd=%s\nuid=%d\ngid=%d\n", os.Args, dir, os.Getuid(), os.Getgid())
	for _, entry := range os.Environ() {
		fmt.Println("env:" + entry)
	}
	return nil
}

// window waits for the terminal to have a size and prints it.
func window() error {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	for {
		var size struct{ rows, columns, x, y uint16 }
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 1, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
		if errno != 0 {
			return errno
		}
		if size.rows != 0 {
			fmt.Printf("%dx%d\n", size.columns, size.rows)
			return nil
		}
		<-changed
	}
}
