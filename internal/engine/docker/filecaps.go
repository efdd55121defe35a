package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
)

// capabilityRecord is where a tar stream of the engine carries the
// security.capability attribute (moby pkg/archive, ReadSecurityXattrToTarHeader).
const capabilityRecord = "SCHILY.xattr.security.capability"

// FileCapabilities reads the permitted set in the security.capability attribute
// of a file in the container, through the engine's archive of the container's
// file system: the container need not run, and no privilege of ours is used.
// Links are followed inside of the container, and a relative path starts at its
// working directory. What does not exist and what is not a plain file has none.
func (c *Container) FileCapabilities(ctx context.Context, name string) (capability.Set, error) {
	doing := fmt.Sprintf("reading the file capabilities of %s in container %s", name, c.short())
	if !path.IsAbs(name) {
		state, err := look(ctx, c.engine, doing, func(ctx context.Context) (container.InspectResponse, error) {
			return c.engine.api.ContainerInspect(ctx, c.id)
		})
		if err != nil {
			return 0, c.engine.failed(doing, err)
		}
		name = path.Join("/", state.Config.WorkingDir, name)
	}
	// Once more for a link: the engine tells its last target, inside the container; Podman
	// the next one. The kernel follows 40 (path_resolution(7)).
	for range 41 {
		file, err := ask(ctx, c.engine, c.engine.patience.look, doing, func(ctx context.Context) (archived, error) {
			stream, stat, err := c.engine.api.CopyFromContainer(ctx, c.id, name)
			return archived{stream, stat}, err
		}, func(late archived) { _ = late.stream.Close() })
		stream, stat := file.stream, file.stat
		switch {
		case missing(err):
			return 0, nil
		case err != nil:
			return 0, c.engine.failed(doing, err)
		case stat.Mode&fs.ModeSymlink != 0:
			name = stat.LinkTarget
			if err := stream.Close(); err != nil {
				return 0, fmt.Errorf("%s: %w", doing, err)
			}
			continue
		case !stat.Mode.IsRegular():
			return 0, stream.Close()
		}
		// The header says it all; the content is not read.
		header, err := tar.NewReader(stream).Next()
		if err := errors.Join(err, stream.Close()); err != nil {
			return 0, fmt.Errorf("%s: %w", doing, err)
		}
		attribute, ok := header.PAXRecords[capabilityRecord]
		if !ok {
			return 0, nil
		}
		permitted, err := capability.OfFile([]byte(attribute))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", doing, err)
		}
		return permitted, nil
	}
	return 0, nil
}

// archived is a file of a container, in an archive.
type archived struct {
	stream io.ReadCloser
	stat   container.PathStat
}

// leadsNowhere matches what the engine says of paths that resolve to nothing
// without being absent, which is no 404 to it.
var leadsNowhere = regexp.MustCompile(`(?i)not a directory|too many (?:levels of symbolic )?links`)

// missing reports whether the engine says that a path leads nowhere.
func missing(err error) bool {
	return errdefs.IsNotFound(err) || err != nil && !unreachable(err) && leadsNowhere.MatchString(err.Error())
}
