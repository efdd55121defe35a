package engine_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/engine"
)

// container is one whose program hangs until it is killed.
type container struct {
	engine.Container
	// ends is when it ends by itself, never for 0; code is what with.
	ends time.Duration
	code int
	// startErr, waitErr and signalErr are the engine's. deaf says that a signal has no
	// effect.
	startErr, waitErr, signalErr error
	deaf                         bool

	began  time.Time
	killed chan struct{}
}

func (c *container) ID() string { return "0123456789abcdef" }

func (c *container) Start(context.Context, engine.Stdio) error {
	c.began, c.killed = time.Now(), make(chan struct{})
	return c.startErr
}

func (c *container) Wait(ctx context.Context) (engine.Exit, error) {
	over := make(<-chan time.Time)
	if c.ends > 0 {
		over = time.After(time.Until(c.began.Add(c.ends)))
	}
	select {
	case <-over:
		return engine.Exit{Code: c.code}, c.waitErr
	case <-c.killed:
		return engine.Exit{Code: 137, Signalled: true}, c.waitErr
	case <-ctx.Done():
		return engine.Exit{}, ctx.Err()
	}
}

func (c *container) Signal(_ context.Context, signal syscall.Signal) error {
	if c.signalErr == nil && !c.deaf && signal == syscall.SIGKILL {
		close(c.killed)
	}
	return c.signalErr
}

// A time limit counts only where the container was seen to run into it: what the engine
// does, or fails to do, is never the workload's.
func TestRun(t *testing.T) {
	limit, lost := errors.New("the time limit"), engine.ErrEngineLost
	others := &engine.EndedByOthersError{Container: "0123456789abcdef", Signal: "15"}
	for name, tc := range map[string]struct {
		container container
		want      error
		code      int
	}{
		"it ends":                                 {container{ends: time.Second, code: 3}, nil, 3},
		"it takes too long":                       {container{}, limit, 0},
		"it would have ended later":               {container{ends: time.Hour}, limit, 0},
		"it cannot be started":                    {container{startErr: lost}, lost, 0},
		"the engine goes away while it runs":      {container{ends: time.Second, waitErr: lost}, lost, 0},
		"the engine goes away while it is killed": {container{waitErr: lost}, lost, 0},
		"the engine does not take the order":      {container{signalErr: engine.ErrSilent}, engine.ErrSilent, 0},
		"the engine does not tell of the end":     {container{deaf: true}, engine.ErrSilent, 0},
		"somebody stopped it meanwhile":           {container{waitErr: others}, others, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeoutCause(t.Context(), time.Minute, limit)
				defer stop()
				exit, err := engine.Run(ctx, &tc.container, engine.Stdio{})
				if !errors.Is(err, tc.want) || errors.Is(err, limit) != errors.Is(tc.want, limit) || exit.Code != tc.code {
					t.Errorf("%+v, %v; want %d, %v", exit, err, tc.code, tc.want)
				}
			})
		})
	}
}
