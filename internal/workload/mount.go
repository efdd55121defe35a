package workload

import (
	"maps"
	"slices"

	"github.com/docker/cli/opts"
	"github.com/moby/moby/api/types/mount"
)

// parseMount reads a --mount. A source that begins with a dot is below the directory that
// capprof runs in.
func parseMount(value string) (mount.Mount, error) {
	var all opts.MountOpt
	if err := all.Set(value); err != nil {
		return mount.Mount{}, err
	}
	return all.Value()[0], nil
}

// mounted are the --mount of some types.
func mounted(o Options, types ...mount.Type) []Volume {
	var all []Volume
	for _, m := range parsed(o.Values("mount"), parseMount) {
		if !slices.Contains(types, m.Type) {
			continue
		}
		v := Volume{Source: m.Source, Target: m.Target}
		if m.ReadOnly {
			v.Options = append(v.Options, "ro")
		}
		all = append(all, v)
	}
	return all
}

func mounts(values []string, _ Client) (Fields, error) {
	return Fields{"HostConfig.Mounts": anyOf(parsed(values, parseMount))}, nil
}

// composeMounts are in the long form. What Compose has no word for is left out: labels and
// driver of a volume belong to its own declaration there.
func composeMounts(values []string) any {
	var all []any
	for _, m := range parsed(values, parseMount) {
		entry := map[string]any{"type": string(m.Type), "target": m.Target}
		if m.Source != "" {
			entry["source"] = m.Source
		}
		if m.ReadOnly {
			entry["read_only"] = true
		}
		if m.BindOptions != nil && m.BindOptions.Propagation != "" {
			entry["bind"] = map[string]any{"propagation": string(m.BindOptions.Propagation)}
		}
		if m.VolumeOptions != nil && m.VolumeOptions.NoCopy {
			entry["volume"] = map[string]any{"nocopy": true}
		}
		if m.TmpfsOptions != nil && m.TmpfsOptions.SizeBytes != 0 {
			entry["tmpfs"] = map[string]any{"size": m.TmpfsOptions.SizeBytes}
		}
		all = append(all, entry)
	}
	return all
}

// composeVolumesFrom: a name alone would be a service.
func composeVolumesFrom(values []string) any {
	var all []string
	for _, value := range values {
		all = append(all, "container:"+value)
	}
	return all
}

func parseGPUs(value string) (map[string]any, error) {
	var all opts.GpuOpts
	if err := all.Set(value); err != nil {
		return nil, err
	}
	r := all.Value()[0]
	return map[string]any{"Driver": r.Driver, "Count": r.Count, "DeviceIDs": r.DeviceIDs, "Capabilities": r.Capabilities, "Options": r.Options}, nil
}

func gpus(values []string, _ Client) (Fields, error) {
	return Fields{"HostConfig.DeviceRequests": anyOf(parsed(values, parseGPUs))}, nil
}

// composeGPUs is Compose's key gpus, whose fields are those of the API in another spelling.
func composeGPUs(values []string) any {
	if len(values) == 1 && values[0] == "all" {
		return "all"
	}
	var all []any
	for _, r := range parsed(values, parseGPUs) {
		entry := map[string]any{}
		if driver := r["Driver"].(string); driver != "" {
			entry["driver"] = driver
		}
		if ids := r["DeviceIDs"].([]string); ids != nil {
			entry["device_ids"] = ids
		}
		if count := r["Count"].(int); count > 0 {
			entry["count"] = int64(count)
		} else if count < 0 {
			entry["count"] = "all"
		}
		if options := r["Options"].(map[string]string); len(options) > 0 {
			entry["options"] = maps.Clone(options)
		}
		all = append(all, entry)
	}
	return all
}
