package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/live"
)

// checkCgroup compares the name of a started container's cgroup, which is inferred from
// the engine's settings, with what the kernel says, until it was right once: the name
// is of the engine's making, not of the container's. With a wrong one a trace would see
// nothing. A container that has ended by now tells nothing.
func checkCgroup(ctx context.Context, r *running) error {
	if r.cgroup.Name == "" || r.engine.placed.Load() {
		return nil
	}
	here, err := r.here(ctx)
	if err != nil {
		if errors.Is(err, engine.ErrUnseen) || errors.Is(err, engine.ErrNotRunning) {
			return nil
		}
		return err
	}
	file, err := os.Open("/proc/" + strconv.Itoa(here.PID) + "/cgroup")
	if live.Gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the control groups of container %s: %w", r.short(), err)
	}
	defer file.Close() // only read
	text, err := controlGroups(file)
	switch {
	case err != nil:
		return fmt.Errorf("reading the control groups of container %s: %w", r.short(), err)
	case text == "":
		return nil
	case below(text, r.cgroup.Name):
		r.engine.placed.Store(true)
		return nil
	}
	if _, err := r.inspect(ctx); errors.Is(err, engine.ErrNotRunning) {
		return nil // the process was somebody else's by then
	}
	return fmt.Errorf("%w: container %s is not in %q, but in %q", engine.ErrOtherCgroup, r.short(), r.cgroup.Name, strings.TrimSpace(text))
}

// controlGroups reads an opened /proc/PID/cgroup, "" where the process has ended meanwhile.
func controlGroups(file io.Reader) (string, error) {
	text, err := io.ReadAll(file)
	if live.Gone(err) {
		return "", nil
	}
	return string(text), err
}

// below reports whether a path of /proc/PID/cgroup leads through a cgroup of that name. Of a
// process that has ended and that nobody has waited for yet, the cgroup may be gone already,
// which the kernel says behind its path (proc_cgroup_show).
func below(lines, name string) bool {
	for line := range strings.Lines(lines) {
		_, path, _ := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), " (deleted)"), "/")
		if slices.Contains(strings.Split(path, "/"), name) {
			return true
		}
	}
	return false
}
