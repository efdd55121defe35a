// Command demo shows capprof at work on a real image: it builds a Debian image, has
// capprof profile the web server in it, and removes the image again.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// line is a line of docker run as people have it, without its first two words.
var line = []string{"-d", "--name", "web", "-p", "8080:80", "--restart", "unless-stopped", image, "nginx", "-g", "daemon off;"}

// image is the name that the demo gives to its image.
const image = "capprof-demo"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := demo(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, args []string) (err error) {
	if len(args) != 1 {
		return fmt.Errorf("usage: demo PATH-OF-CAPPROF")
	}
	capprof, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	engine, err := testengine.System(ctx)
	if err != nil {
		return err
	}
	built, err := testimage.Debian(ctx, engine, os.Stderr)
	if err != nil {
		return err
	}
	lasting := context.WithoutCancel(ctx)
	defer func() {
		if removeErr := testimage.Remove(lasting, engine, built, image); err == nil {
			err = removeErr
		}
	}()
	if _, err := engine.Output(ctx, "tag", built, image); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "$ capprof run %s '%s'\n", strings.Join(line[:len(line)-1], " "), line[len(line)-1])
	cmd := exec.CommandContext(ctx, capprof, append([]string{"run"}, line...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("capprof: %w", err)
	}
	return nil
}
