package engine

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// killTime is how long a killed container may take to end. The kernel needs
// milliseconds; an engine under load needs seconds to tell.
const killTime = 30 * time.Second

// WaitOrKill waits for a started container's end. When ctx ends first, the container
// is killed, its last output is read, and the context's cause is returned. Any other
// error is the engine's or somebody else's doing, also when ctx has ended: a time
// limit counts only where the container was seen to run into it.
func WaitOrKill(ctx context.Context, c Container) (Exit, error) {
	exit, err := c.Wait(ctx)
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return exit, err
	}
	if _, err := Kill(ctx, c, c.Wait); err != nil {
		return Exit{}, err
	}
	return Exit{}, context.Cause(ctx)
}

// Kill kills a started container and waits for its end and its last output, by wait,
// which returns its context's error when that ends first. It does so after the end of ctx
// too: the caller's time may be over, the container's end is still to be seen. An
// ErrSilent says that the end is not known.
func Kill(ctx context.Context, c Container, wait func(context.Context) (Exit, error)) (Exit, error) {
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer stop()
	if err := c.Signal(last, syscall.SIGKILL); err != nil {
		return Exit{}, err
	}
	exit, err := wait(last)
	if err != nil && last.Err() != nil {
		return Exit{}, fmt.Errorf("%w: container %.12s was killed %v ago, and its end is not known", ErrSilent, c.ID(), killTime)
	}
	return exit, err
}

// Run starts a container and waits for its end, or kills it when ctx ends.
func Run(ctx context.Context, c Container, stdio Stdio) (Exit, error) {
	if err := c.Start(ctx, stdio); err != nil {
		return Exit{}, err
	}
	return WaitOrKill(ctx, c)
}
