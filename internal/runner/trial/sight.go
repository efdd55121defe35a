package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// sight is what a look at a running container shows.
type sight struct {
	// sockets are what it listens on; blind says that they cannot be seen from here.
	sockets []scenario.Socket
	blind   bool
	// processes are the kinds of its processes, all is the number of all of them.
	processes []scenario.Process
	all       int
}

// look looks at the running container.
func (l *live) look(ctx context.Context) (s sight, err error) {
	s.sockets, err = l.container.Listening(ctx)
	if errors.Is(err, engine.ErrUnseen) {
		s.blind, err = true, nil
	}
	if err != nil {
		return s, err
	}
	processes, err := l.container.Processes(ctx)
	if err != nil && !errors.Is(err, engine.ErrUnseen) {
		return s, err
	}
	s.processes, s.all = scenario.Kinds(processes), len(processes)
	return s, nil
}

// lacks says in words what is not there of what the reference had; "" for nothing.
func (s sight) lacks(learned *scenario.Learned) string {
	var missing []string
	for _, socket := range learned.Sockets {
		if !s.blind && !slices.Contains(s.sockets, socket) {
			missing = append(missing, "does not listen on "+socket.String())
		}
	}
	for _, p := range learned.Processes {
		if !slices.Contains(s.processes, p) {
			missing = append(missing, fmt.Sprintf("has no process %s of user %d", p.Name, p.UID))
		}
	}
	return strings.Join(missing, ", and ")
}

// common keeps of what was learned what this look shows too.
func (s sight) common(learned *scenario.Learned) {
	if !s.blind {
		learned.Sockets = slices.DeleteFunc(learned.Sockets, func(one scenario.Socket) bool { return !slices.Contains(s.sockets, one) })
	}
	learned.Processes = slices.DeleteFunc(learned.Processes, func(p scenario.Process) bool { return !slices.Contains(s.processes, p) })
}

// same reports whether two looks show the same sockets and kinds of processes.
func (s sight) same(other sight) bool {
	return slices.Equal(s.sockets, other.sockets) && slices.Equal(s.processes, other.processes)
}
