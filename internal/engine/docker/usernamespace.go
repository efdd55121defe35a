package docker

import (
	"os"
	"path/filepath"
	"slices"
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
func rootUID(at endpoint, info system.Info) uint32 {
	switch {
	case hasSecurityOption(info, "userns"):
		uid, gid, ok := strings.Cut(filepath.Base(info.DockerRootDir), ".")
		root, err := strconv.ParseUint(uid, 10, 32)
		if _, gidErr := strconv.ParseUint(gid, 10, 32); ok && err == nil && gidErr == nil {
			return uint32(root)
		}
	case hasSecurityOption(info, "rootless"):
		if file, err := os.Stat(at.socket()); err == nil {
			if stat, ok := file.Sys().(*syscall.Stat_t); ok {
				return stat.Uid
			}
		}
	}
	return 0
}

// hasSecurityOption reports whether the engine lists the option: name=userns.
func hasSecurityOption(info system.Info, name string) bool {
	return slices.ContainsFunc(info.SecurityOptions, func(option string) bool {
		first, _, _ := strings.Cut(option, ",")
		return first == "name="+name
	})
}
