package docker

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types/system"
)

// rootUID is the host's user ID of the containers' root. An engine that remaps
// users (--userns-remap) does not tell the mapping, but names its data directory
// after it: /var/lib/docker/100000.100000 (moby daemon/daemon_unix.go,
// setupDaemonRoot). A rootless engine's containers have its own user as root
// (rootlesskit), to whom the socket belongs.
func rootUID(at endpoint, info system.Info, options securityOptions) uint32 {
	switch {
	case options.has("userns"):
		uid, gid, ok := strings.Cut(filepath.Base(info.DockerRootDir), ".")
		root, err := strconv.ParseUint(uid, 10, 32)
		if _, gidErr := strconv.ParseUint(gid, 10, 32); ok && err == nil && gidErr == nil {
			return uint32(root)
		}
	case options.has("rootless"):
		if file, err := os.Stat(at.socket()); err == nil {
			if stat, ok := file.Sys().(*syscall.Stat_t); ok {
				return stat.Uid
			}
		}
	}
	return 0
}
