package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/capprof/capprof/internal/engine"
)

// Run starts the container and waits for its end. Streams are attached and the
// wait is registered before the start, so that a program that ends at once
// loses neither output nor exit code. The writers of stdio are not used any more
// when Run returns. A stdin that blocks is left to its reader, because there is
// no way to interrupt it.
func (c *Container) Run(ctx context.Context, stdio engine.Stdio) (engine.Exit, error) {
	if err := ctx.Err(); err != nil {
		return engine.Exit{}, err
	}
	// The run's requests live longer than ctx: its end is an order to kill the
	// container, see it end and read the rest of its output.
	lasting, stop := outlive(ctx)
	defer stop()

	streams, err := c.engine.api.ContainerAttach(lasting, c.id, container.AttachOptions{
		Stream: true, Stdin: c.interactive, Stdout: true, Stderr: true,
	})
	if err != nil {
		return engine.Exit{}, c.lost("attaching to", err)
	}
	seen := &opening{}
	output := c.copyOutput(streams.Reader, stdio, seen)
	// Whatever happens, nobody writes to the caller's streams after the return.
	defer output.wait()
	defer streams.Close()

	ended := c.end(lasting)
	if err := c.engine.api.ContainerStart(lasting, c.id, container.StartOptions{}); err != nil {
		return engine.Exit{}, c.startFailure(ctx, err)
	}
	if c.interactive {
		go c.feed(streams, stdio.Stdin)
	}
	if c.tty && stdio.Resize != nil {
		go c.follow(lasting, stdio.Resize)
	}

	status, err := c.await(ctx, lasting, ended, output)
	if err != nil {
		return engine.Exit{}, err
	}
	// The last output is still on its way when the exit is known.
	output.wait()
	if err := ctx.Err(); err != nil {
		return engine.Exit{}, err
	}
	if output.err != nil {
		return engine.Exit{}, c.lost("reading the output of", output.err)
	}
	state, err := c.engine.api.ContainerInspect(lasting, c.id)
	if err != nil && !errdefs.IsNotFound(err) {
		// An engine that shuts down ends the container first: then the exit code is
		// not the workload's own.
		return engine.Exit{}, c.lost("inspecting", err)
	}
	if err := c.stoppedByOthers(lasting, state); err != nil {
		return engine.Exit{}, err
	}
	exit := engine.Exit{Code: int(status)}
	if state.ContainerJSONBase != nil && state.State != nil {
		exit.OutOfMemory = state.State.OOMKilled
		if failure := execFailure(exit.Code, seen, state.Path); failure != nil {
			return engine.Exit{}, failure
		}
	}
	return exit, nil
}

// ending is the engine's word on how a container ended, or why it has none.
type ending struct {
	status int64
	err    error
}

// end registers for the container's next exit; when it returns, the engine has
// acknowledged. The channel gets exactly one value and needs no reader.
func (c *Container) end(ctx context.Context) <-chan ending {
	results, failures := c.engine.api.ContainerWait(ctx, c.id, container.WaitConditionNextExit)
	out := make(chan ending, 1)
	go func() {
		select {
		case err := <-failures:
			out <- ending{err: c.lost("waiting for", err)}
		case result := <-results:
			if result.Error != nil {
				out <- ending{err: fmt.Errorf("waiting for container %s: %s", c.short(), result.Error.Message)}
				return
			}
			out <- ending{status: result.StatusCode}
		}
	}()
	return out
}

// await waits for the container's end, and brings it about when ctx ends, Kill
// was called or its output cannot be written any more.
func (c *Container) await(ctx, lasting context.Context, ended <-chan ending, output *outputCopy) (int64, error) {
	cancelled, killed, copied := ctx.Done(), (<-chan struct{})(c.killed), output.done
	var unwritable error
	for {
		select {
		case end := <-ended:
			return end.status, errors.Join(ctx.Err(), unwritable, end.err)
		case <-cancelled:
			cancelled = nil
		case <-killed:
			killed = nil
		case <-copied:
			copied = nil
			var write *writeError
			if !errors.As(output.err, &write) {
				// The end of the output or of the connection; the wait knows which.
				continue
			}
			unwritable = write
		}
		if err := c.kill(lasting); err != nil {
			return 0, errors.Join(ctx.Err(), unwritable, c.lost("killing", err))
		}
	}
}

// lost describes a failure during a run: when nobody answers any more the
// engine went away, and the run says nothing about the workload.
func (c *Container) lost(doing string, err error) error {
	if unreachable(err) || errors.Is(err, engine.ErrNoEngine) {
		return fmt.Errorf("%w while %s container %s: %w", engine.ErrEngineLost, doing, c.short(), err)
	}
	return fmt.Errorf("%s container %s: %w", doing, c.short(), err)
}

// follow passes the terminal's sizes on. A size that comes too late for the
// container is of no interest.
func (c *Container) follow(ctx context.Context, sizes <-chan engine.Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, more := <-sizes:
			if !more {
				return
			}
			_ = c.engine.api.ContainerResize(ctx, c.id, container.ResizeOptions{Width: size.Width, Height: size.Height})
		}
	}
}

// feed sends stdin and then the workload's end of file. Errors mean that the
// container ended first.
func (c *Container) feed(streams types.HijackedResponse, stdin io.Reader) {
	last := &lastByte{value: '\n'}
	if stdin != nil {
		_, _ = io.Copy(io.MultiWriter(streams.Conn, last), stdin)
	}
	if !c.tty {
		_ = streams.CloseWrite()
		return
	}
	// A terminal has no half to close, and the engine would end the output too
	// (moby container/stream/attach.go). Its end of file is a Control-D on an
	// empty line, and a first one to end a line that is not (termios(3), VEOF);
	// script(1) does the same.
	eof := "\x04"
	if last.value != '\n' {
		eof += eof
	}
	_, _ = io.WriteString(streams.Conn, eof)
}

// lastByte is a writer that remembers what came last.
type lastByte struct{ value byte }

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.value = p[len(p)-1]
	}
	return len(p), nil
}

// outputCopy is a running copy of a container's output.
type outputCopy struct {
	done chan struct{}
	// err is valid once done is closed.
	err error
}

func (o *outputCopy) wait() { <-o.done }

// copyOutput copies until the connection's end: one raw stream with a terminal,
// two multiplexed ones without.
func (c *Container) copyOutput(from io.Reader, stdio engine.Stdio, seen *opening) *outputCopy {
	out := &outputCopy{done: make(chan struct{})}
	stdout, stderr := tap{stdio.Stdout, &seen.stdout}, tap{stdio.Stderr, &seen.stderr}
	go func() {
		defer close(out.done)
		if c.tty {
			_, out.err = io.Copy(stdout, from)
		} else {
			_, out.err = stdcopy.StdCopy(stdout, stderr, from)
		}
	}()
	return out
}

// writeError is a failure of the caller's writer, told from one of the
// connection's.
type writeError struct{ error }

func (e *writeError) Error() string { return "writing the workload's output: " + e.error.Error() }

func (e *writeError) Unwrap() error { return e.error }

// tap passes output on and keeps its beginning. A nil writer drops the output.
type tap struct {
	to   io.Writer
	keep *beginning
}

func (t tap) Write(p []byte) (int, error) {
	t.keep.add(p)
	if t.to == nil {
		return len(p), nil
	}
	n, err := t.to.Write(p)
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}
