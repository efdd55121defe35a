package docker

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/capprof/capprof/internal/engine"
)

// follow passes the terminal's sizes on. A size that comes too late for the
// container is of no interest.
func (r *running) follow(ctx context.Context, sizes <-chan engine.Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, more := <-sizes:
			if !more {
				return
			}
			_ = r.engine.api.ContainerResize(ctx, r.id, container.ResizeOptions{Width: size.Width, Height: size.Height})
		}
	}
}

// feed sends stdin and then the workload's end of file. Errors mean that the
// container ended first.
func (r *running) feed(stdin io.Reader) {
	last := &lastByte{value: '\n'}
	if stdin != nil {
		_, _ = io.Copy(io.MultiWriter(r.streams.Conn, last), stdin)
	}
	if !r.tty {
		_ = r.streams.CloseWrite()
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
	_, _ = io.WriteString(r.streams.Conn, eof)
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
func (r *running) copyOutput(stdio engine.Stdio) *outputCopy {
	out := &outputCopy{done: make(chan struct{})}
	stdout, stderr := tap{stdio.Stdout, &r.head.stdout}, tap{stdio.Stderr, &r.head.stderr}
	go func() {
		defer close(out.done)
		if r.tty {
			_, out.err = io.Copy(stdout, r.streams.Reader)
		} else {
			_, out.err = stdcopy.StdCopy(stdout, stderr, r.streams.Reader)
		}
	}()
	return out
}

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
		return n, &engine.WriteError{Err: err}
	}
	return n, nil
}
