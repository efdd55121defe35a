package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/live"
	"github.com/capprof/capprof/internal/scenario"
)

// Processes reads them from /proc, and asks the engine where they are not in ours.
func (c *Container) Processes(ctx context.Context) ([]scenario.Process, error) {
	found, err := read(ctx, c, live.Container.Processes)
	if errors.Is(err, engine.ErrUnseen) {
		return top(ctx, c)
	}
	return found, err
}

// Busy reads from /proc what the threads do. Where they are not in ours, what the engine
// says of the processes has to do.
func (c *Container) Busy(ctx context.Context) (bool, error) {
	busy, err := read(ctx, c, live.Container.Busy)
	if !errors.Is(err, engine.ErrUnseen) {
		return busy, err
	}
	listed, err := list(ctx, c, "stat")
	stat := column(listed, "STAT", "S")
	if err != nil || stat < 0 {
		return false, err
	}
	return slices.ContainsFunc(listed.Processes, func(row []string) bool {
		return len(row) > stat && strings.ContainsAny(row[stat][:min(1, len(row[stat]))], "RD")
	}), nil
}

// list asks the engine for the processes, which it has ps list on its machine, with
// columns by their names to ps.
func list(ctx context.Context, c *Container, columns string) (container.TopResponse, error) {
	listed, err := look(ctx, c.engine, "listing the processes of container "+c.short(), func(ctx context.Context) (container.TopResponse, error) {
		return c.engine.api.ContainerTop(ctx, c.id, []string{"-eo", "pid," + columns})
	})
	switch {
	case notRunning(err):
		return listed, fmt.Errorf("%w: %w", engine.ErrNotRunning, err)
	case err != nil:
		return listed, c.unanswered(ctx, "listing the processes of", err)
	}
	return listed, nil
}

// Listening reads the sockets from /proc.
func (c *Container) Listening(ctx context.Context) ([]scenario.Socket, error) {
	return read(ctx, c, live.Container.Listening)
}

// read reads something of the running container from /proc.
func read[T any](ctx context.Context, c *Container, what func(live.Container) (T, error)) (found T, err error) {
	r := c.began()
	if r == nil {
		return found, fmt.Errorf("%w: container %s", engine.ErrNotRunning, c.short())
	}
	here, err := r.here(ctx)
	if err != nil {
		return found, err
	}
	found, err = what(here)
	switch {
	case err == nil:
		r.seen.Store(true)
	case errors.Is(err, engine.ErrNotRunning) && !r.seen.Load():
		// A process that was never seen may be in a PID namespace that is not ours.
		if _, stopped := c.inspect(ctx); stopped == nil {
			err = fmt.Errorf("%w: container %s runs, and there is no process %d here", engine.ErrUnseen, c.short(), here.PID)
		}
	}
	return found, err
}

// here is the running container as this machine's /proc has it. It is an
// engine.ErrUnseen where the containers are not shown to run on this kernel.
func (r *running) here(ctx context.Context) (live.Container, error) {
	about, err := r.engine.whoIsIt(ctx)
	if err != nil {
		return live.Container{}, err
	}
	if about.remote != "" {
		return live.Container{}, fmt.Errorf("%w: %s", engine.ErrUnseen, about.remote)
	}
	// The first process is the same until the end, and asking for it takes longer than
	// all the rest.
	if r.pid.Load() == 0 {
		found, err := r.inspect(ctx)
		if err != nil {
			return live.Container{}, err
		}
		if found.State.Pid == 0 {
			return live.Container{}, fmt.Errorf("%w: the engine does not tell the process of container %s", engine.ErrUnseen, r.short())
		}
		r.pid.Store(int64(found.State.Pid))
	}
	return live.Container{PID: int(r.pid.Load()), Cgroup: r.cgroup.Name, SharedNetwork: r.sharedNetwork}, nil
}

// top asks the engine for the processes.
func top(ctx context.Context, c *Container) ([]scenario.Process, error) {
	listed, err := list(ctx, c, "euid,stat,comm")
	if err != nil {
		return nil, err
	}
	uid, stat, name := column(listed, "EUID", "UID"), column(listed, "STAT", "S"), column(listed, "COMMAND", "COMM")
	if uid < 0 || name < 0 {
		return nil, fmt.Errorf("%w: the engine lists the processes of container %s by %q", engine.ErrUnseen, c.short(), listed.Titles)
	}
	var found []scenario.Process
	for _, row := range listed.Processes {
		if len(row) <= max(uid, stat, name) {
			return nil, fmt.Errorf("%w: the engine lists a process of container %s as %q", engine.ErrUnseen, c.short(), row)
		}
		number, err := strconv.ParseUint(row[uid], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: the engine lists a process of container %s as %q", engine.ErrUnseen, c.short(), row)
		}
		if stat < 0 || !strings.HasPrefix(row[stat], "Z") {
			found = append(found, scenario.Process{Name: row[name], UID: uint32(number)})
		}
	}
	return found, nil
}

// column is where a table has one of these titles, -1 for nowhere.
func column(table container.TopResponse, titles ...string) int {
	return slices.IndexFunc(table.Titles, func(t string) bool {
		return slices.ContainsFunc(titles, func(title string) bool { return strings.EqualFold(t, title) })
	})
}
