package docker

import (
	"archive/tar"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"

	"github.com/capprof/capprof/internal/capability"
)

// maxLinks is how many symbolic links are followed, as many as the kernel does.
const maxLinks = 40

// FileCapabilities reads the permitted set of a file's security.capability
// attribute through the engine's archive of the container's file system, which
// works after the container's end and needs no privilege of ours.
func (c *Container) FileCapabilities(ctx context.Context, name string) (capability.Set, error) {
	for range maxLinks {
		archive, stat, err := c.engine.api.CopyFromContainer(ctx, c.id, name)
		if errdefs.IsNotFound(err) {
			return 0, nil
		}
		if err != nil {
			return 0, c.engine.failed(fmt.Sprintf("reading %s of container %s", name, c.short()), err)
		}
		if stat.LinkTarget != "" {
			archive.Close()
			// The engine resolves a link to its absolute place in the container.
			name = stat.LinkTarget
			continue
		}
		defer archive.Close()
		header, err := tar.NewReader(archive).Next()
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("reading %s of container %s: %w", name, c.short(), err)
		}
		return decodeFileCapabilities([]byte(header.PAXRecords["SCHILY.xattr.security.capability"]))
	}
	return 0, fmt.Errorf("%s of container %s: more than %d symbolic links", name, c.short(), maxLinks)
}

// decodeFileCapabilities reads the permitted set of a struct vfs_cap_data
// (linux/capability.h); without an attribute it is empty. Revision 1 has one word,
// 2 and 3 have two.
func decodeFileCapabilities(attribute []byte) (capability.Set, error) {
	if len(attribute) == 0 {
		return 0, nil
	}
	if len(attribute) < 12 {
		return 0, fmt.Errorf("a security.capability attribute of %d bytes", len(attribute))
	}
	const revisionMask, revision1, revision2, revision3 = 0xff000000, 0x01000000, 0x02000000, 0x03000000
	permitted := uint64(binary.LittleEndian.Uint32(attribute[4:]))
	switch binary.LittleEndian.Uint32(attribute) & revisionMask {
	case revision1:
	case revision2, revision3:
		if len(attribute) < 20 {
			return 0, fmt.Errorf("a security.capability attribute of %d bytes", len(attribute))
		}
		permitted |= uint64(binary.LittleEndian.Uint32(attribute[12:])) << 32
	default:
		return 0, fmt.Errorf("a security.capability attribute of an unknown revision: %x", attribute[:4])
	}
	return capability.Set(permitted), nil
}
