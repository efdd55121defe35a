package trial

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestStuckTime(t *testing.T) {
	d := newDeadline(2 * time.Hour)
	if d.isKnown() {
		t.Error("a passing run is known before there was one")
	}
	for _, c := range []struct{ took, want time.Duration }{
		{0, 3*time.Millisecond + stuckMargin}, {time.Second, 3*time.Second + stuckMargin}, {time.Millisecond, 3*time.Second + stuckMargin}, {time.Hour, 2 * time.Hour},
	} {
		d.passed(c.took)
		if limit := d.stuck(); !d.isKnown() || limit != c.want {
			t.Errorf("after a run of %v: %v", c.took, limit)
		}
	}
}

func TestBound(t *testing.T) {
	for name, c := range map[string]struct {
		// passing is how long a run takes that passes next to this one; hopeless is when
		// this one becomes so.
		passing, hopeless time.Duration
		after             time.Duration
		want              error
	}{
		"the time limit":                 {after: 10 * time.Minute, want: errTimeout},
		"three times a passing run":      {passing: time.Minute, after: 3*time.Minute + stuckMargin, want: errStuck},
		"a passing run of half of it":    {passing: 5 * time.Minute, after: 10 * time.Minute, want: errTimeout},
		"nothing can be learned from it": {hopeless: 7 * time.Second, after: 7 * time.Second, want: errHopeless},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, hopeless, began := newDeadline(10*time.Minute), make(chan struct{}), time.Now()
				if c.passing > 0 {
					time.AfterFunc(c.passing, func() { d.passed(c.passing) })
				}
				if c.hopeless > 0 {
					time.AfterFunc(c.hopeless, func() { close(hopeless) })
				}
				ctx, stop := d.bound(t.Context(), hopeless)
				defer stop()
				<-ctx.Done()
				if took := time.Since(began); !errors.Is(context.Cause(ctx), c.want) || took != c.after {
					t.Errorf("%v after %v, want %v after %v", context.Cause(ctx), took, c.want, c.after)
				}
			})
		})
	}
}
