// Command demo shows capprof at work on a real image: it builds a Debian image,
// has capprof profile the Redis server in it, started as root by a script that
// changes to its own user, and removes the image again.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// workload is what an entrypoint of Redis does: hand the data over, change the
// user, serve; and the test that says whether it works.
const workload = `set -e
mkdir -p /data && chown redis /data
gosu redis redis-server --dir /data --save "" >/dev/null &
until redis-cli ping 2>/dev/null | grep -q PONG; do jobs -r | grep -q . || exit 1; sleep 0.1; done
redis-cli set greeting hello
redis-cli shutdown nosave`

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
	fmt.Fprintf(os.Stderr, "$ capprof run %s -- bash -c '%s'\n", image, workload)
	cmd := exec.CommandContext(ctx, capprof, "run", image, "--", "bash", "-c", workload)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("capprof: %w", err)
	}
	return nil
}
