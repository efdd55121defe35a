package runner

import (
	"cmp"
	"context"
	"fmt"

	"github.com/capprof/capprof/internal/engine"
)

// fakeData is the data of one run: made before its containers, removed after them.
type fakeData struct {
	engine     *fakeEngine
	options    engine.DataOptions
	containers []*fakeContainer
	removed    int
}

func (s *fakeSubject) Data(ctx context.Context, o engine.DataOptions) (engine.Data, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmp.Or(ctx.Err(), s.dataErr); err != nil {
		return nil, err
	}
	d := &fakeData{engine: s.fakeEngine, options: o}
	s.data = append(s.data, d)
	fmt.Fprintln(o.Progress, "copied")
	return d, nil
}

func (d *fakeData) Remove(context.Context) error {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	d.removed++
	for _, c := range d.containers {
		c.mu.Lock()
		if c.removed == 0 && d.engine.removing == 0 {
			d.engine.t.Errorf("the data of container %d was removed before it", c.number)
		}
		c.mu.Unlock()
	}
	return d.engine.dataRemoveErr
}
