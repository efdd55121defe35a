package lsm

import (
	"context"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/observation"
)

// fakeSource delivers what is sent to it.
type fakeSource chan []observation.Refusal

func (f fakeSource) complete() bool { return true }

func (f fakeSource) read() ([]observation.Refusal, error) {
	got, ok := <-f
	if !ok {
		return nil, os.ErrClosed
	}
	return got, nil
}

func (f fakeSource) close() error { close(f); return nil }

func TestRefusedWaitsForWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := make(fakeSource)
		l := listen(from)
		defer l.Close()
		one, two := observation.Refusal{PID: 1}, observation.Refusal{PID: 2}
		from <- []observation.Refusal{one}
		go func() {
			time.Sleep(settled / 2)
			from <- nil // a record of something else
			from <- []observation.Refusal{two}
		}()
		began := time.Now()
		if got, all := l.Refused(context.Background(), []int{1, 2}); !all || !slices.Equal(got, []observation.Refusal{one, two}) || time.Since(began) != settled/2 {
			t.Errorf("%+v after %v", got, time.Since(began))
		}
		// Of process 3 nothing is logged.
		if got, all := l.Refused(context.Background(), []int{3}); !all || len(got) != 2 || time.Since(began) != settled/2+settled {
			t.Errorf("%+v after %v", got, time.Since(began))
		}
		began = time.Now()
		if got, all := l.Refused(context.Background(), nil); !all || len(got) != 2 || time.Since(began) != 0 {
			t.Errorf("%+v after %v", got, time.Since(began))
		}
	})
}

// A source that breaks ends the waiting, not what was heard.
func TestRefusedAfterTheSourceBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := make(fakeSource)
		l := listen(from)
		from <- []observation.Refusal{{PID: 1}}
		l.Close()
		began := time.Now()
		if got, all := l.Refused(context.Background(), []int{2}); all || len(got) != 1 || time.Since(began) != 0 {
			t.Errorf("%+v after %v", got, time.Since(began))
		}
	})
}

// Both ways to listen open here, and end when they are closed.
func TestSourcesEnd(t *testing.T) {
	for name, open := range map[string]func() (source, error){"audit records": openAudit, "kernel log": openLog} {
		t.Run(name, func(t *testing.T) {
			from, err := open()
			if err != nil {
				t.Skipf("no permission to listen: %v", err)
			}
			ended := make(chan struct{})
			l := listen(from)
			go func() { l.Close(); close(ended) }()
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("it does not end")
			}
		})
	}
}
