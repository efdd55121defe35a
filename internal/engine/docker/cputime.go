package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

// CPUTime is the processor time that the running container has used, out of the
// engine's statistics, which are its cgroup's.
func (c *Container) CPUTime(ctx context.Context) (time.Duration, error) {
	if c.began() == nil {
		return 0, fmt.Errorf("%w: container %s", engine.ErrNotRunning, c.short())
	}
	doing := "reading the statistics of container " + c.short()
	used, err := look(ctx, c.engine, doing, func(ctx context.Context) (time.Duration, error) {
		reader, err := c.engine.api.ContainerStatsOneShot(ctx, c.id)
		if err != nil {
			return 0, err
		}
		var stats container.StatsResponse
		err = errors.Join(json.NewDecoder(reader.Body).Decode(&stats), reader.Body.Close())
		return time.Duration(stats.CPUStats.CPUUsage.TotalUsage), err //nolint:gosec // 292 years
	})
	switch {
	case err == nil:
		return used, nil
	case notRunning(err):
		return 0, fmt.Errorf("%w: %w", engine.ErrNotRunning, err)
	}
	return 0, c.lost("reading the statistics of", err)
}
