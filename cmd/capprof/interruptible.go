package main

import "context"

// interruptible does what may wait for somebody else for ever: for the other end of
// a pipe to be opened, filled or emptied. When ctx ends it waits no longer. What still
// hangs in the system call then ends with the process.
func interruptible[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// written is interruptible for what writes a result.
func written(ctx context.Context, write func() error) error {
	_, err := interruptible(ctx, func() (struct{}, error) { return struct{}{}, write() })
	return err
}
