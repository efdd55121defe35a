package runner

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

// mountsOf are the mounts of a container as its options make them. The engine's
// own are no secret and not among them.
func mountsOf(info engine.Facts, w workload.Spec) []mapper.Mount {
	root := mapper.Mount{Target: "/", Kind: "root file system", ReadOnly: w.ReadOnly, NoDev: info.RootNoDev}
	mounts := []mapper.Mount{root}
	for _, volume := range w.Volumes {
		// [SOURCE:]TARGET[:OPTIONS], as docker run --volume.
		parts := strings.Split(volume, ":")
		target, options := parts[0], ""
		if len(parts) > 1 {
			target = parts[1]
		}
		if len(parts) > 2 {
			options = parts[2]
		}
		mounts = append(mounts, mapper.Mount{
			Target: path.Clean(target), Kind: "volume", ReadOnly: hasOption(options, "ro") || hasOption(options, "readonly"),
		})
	}
	for _, tmpfs := range w.Tmpfs {
		// TARGET[:OPTIONS]; without others noexec, nosuid and nodev hold (moby
		// pkg/mount, daemon/oci_linux.go).
		target, options, _ := strings.Cut(tmpfs, ":")
		mounts = append(mounts, mapper.Mount{
			Target: path.Clean(target), Kind: "tmpfs", ReadOnly: hasOption(options, "ro"),
			NoExec: !hasOption(options, "exec"), NoDev: !hasOption(options, "dev"),
		})
	}
	return mounts
}

func hasOption(options, name string) bool { return slices.Contains(strings.Split(options, ","), name) }

// hostSettings reads the host's settings on which the words of a cause depend;
// none where the containers run on another kernel.
func hostSettings(info engine.Facts) map[string]string {
	if !info.SameKernel {
		return nil
	}
	settings := map[string]string{}
	for _, name := range mapper.Settings {
		text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		switch {
		case err == nil:
			settings[name] = strings.TrimSpace(string(text))
		case errors.Is(err, fs.ErrNotExist):
			// A kernel without the rule does not enforce it.
			settings[name] = "0"
		}
	}
	return settings
}
