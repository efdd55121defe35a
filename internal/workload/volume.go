package workload

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/mount"
)

// Volume is a --volume, a --mount, or a --tmpfs, which has no source.
type Volume struct {
	// Source is a directory or file of the host, the name of a volume, or "" for an
	// anonymous one.
	Source string
	// Target is where it is mounted, absolute.
	Target string
	// Options are those behind the target, such as ro and z.
	Options []string
}

// volumeName is the form of a volume's name (moby daemon/names).
var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// ParseVolume reads [SOURCE:]TARGET[:OPTIONS]. What the options mean is left to the
// engine.
func ParseVolume(value string) (Volume, error) {
	parts := strings.Split(value, ":")
	var v Volume
	switch len(parts) {
	case 1:
		v.Target = parts[0]
	case 2:
		v.Source, v.Target = parts[0], parts[1]
	case 3:
		v.Source, v.Target, v.Options = parts[0], parts[1], strings.Split(parts[2], ",")
	default:
		return Volume{}, errors.New("too many colons")
	}
	switch {
	case slices.Contains(parts, ""):
		return Volume{}, errors.New("empty section between colons")
	case !path.IsAbs(v.Target):
		return Volume{}, fmt.Errorf("the target %q is not an absolute path", v.Target)
	case len(parts) > 1 && !v.onHost() && !v.Named():
		return Volume{}, fmt.Errorf("the source %q is neither a path that begins with / or . nor the name of a volume", v.Source)
	}
	return v, nil
}

// onHost: docker takes what starts with a dot as a path relative to here, and any other
// relative name as a named volume.
func (v Volume) onHost() bool {
	return strings.HasPrefix(v.Source, "/") || strings.HasPrefix(v.Source, ".")
}

// Named says that the source is the name of a volume.
func (v Volume) Named() bool { return volumeName.MatchString(v.Source) }

// ReadOnly says that nothing can be written to it.
func (v Volume) ReadOnly() bool { return v.Has("ro") || v.Has("readonly") }

// Has reports whether an option is given.
func (v Volume) Has(option string) bool { return slices.Contains(v.Options, option) }

// binds sorts volumes into binds, which hold host paths and named volumes alike, and
// anonymous volumes.
func binds(values []string, c Client) (Fields, error) {
	binds, anonymous := []string{}, map[string]any{}
	for _, value := range values {
		v, err := ParseVolume(value)
		switch {
		case err != nil:
			return nil, err
		case v.Source == "":
			anonymous[v.Target] = struct{}{}
			continue
		case strings.HasPrefix(v.Source, "."):
			absolute, err := c.Abs(v.Source)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", value, err)
			}
			value = absolute + strings.TrimPrefix(value, v.Source)
		}
		binds = append(binds, value)
	}
	return Fields{"HostConfig.Binds": binds, "Config.Volumes": anonymous}, nil
}

// ParseTmpfs reads TARGET[:OPTIONS]. What the options mean is left to the engine.
func ParseTmpfs(value string) (Volume, error) {
	target, options, more := strings.Cut(value, ":")
	if !path.IsAbs(target) {
		return Volume{}, fmt.Errorf("the target %q is not an absolute path", target)
	}
	v := Volume{Target: target}
	if more {
		v.Options = strings.Split(options, ",")
	}
	return v, nil
}

func tmpfs(values []string, _ Client) (Fields, error) {
	mounts := make(map[string]string, len(values))
	for _, value := range values {
		target, options, _ := strings.Cut(value, ":")
		mounts[target] = options
	}
	return Fields{"HostConfig.Tmpfs": mounts}, nil
}

// Volumes are what --volume mounts, and --mount of the types bind and volume.
func (o Options) Volumes() []Volume {
	return append(parsed(o.Values("volume"), ParseVolume), mounted(o, mount.TypeBind, mount.TypeVolume)...)
}

// Tmpfs are what --tmpfs mounts, and --mount of that type.
func (o Options) Tmpfs() []Volume {
	return append(parsed(o.Values("tmpfs"), ParseTmpfs), mounted(o, mount.TypeTmpfs)...)
}

// Mounts reports whether --volume, --mount or --tmpfs mounts something at a path.
func (o Options) Mounts(target string) bool {
	return slices.ContainsFunc(slices.Concat(o.Volumes(), o.Tmpfs()), func(v Volume) bool { return path.Clean(v.Target) == path.Clean(target) })
}
