package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/workload"
)

// fieldsOf are the places of options whose values change on the way to the engine, but
// no more than plain does again.
var fieldsOf = map[string]string{
	"annotation":     "HostConfig.Annotations",
	"blkio-weight":   "HostConfig.BlkioWeight",
	"cpu-period":     "HostConfig.CpuPeriod",
	"cpu-quota":      "HostConfig.CpuQuota",
	"cpu-rt-period":  "HostConfig.CpuRealtimePeriod",
	"cpu-rt-runtime": "HostConfig.CpuRealtimeRuntime",
	"cpu-shares":     "HostConfig.CpuShares",
	"add-host":       "HostConfig.ExtraHosts",
	"interactive":    "Config.OpenStdin",
	"oom-score-adj":  "HostConfig.OomScoreAdj",
	"pids-limit":     "HostConfig.PidsLimit",
	"privileged":     "HostConfig.Privileged",
	"storage-opt":    "HostConfig.StorageOpt",
	"sysctl":         "HostConfig.Sysctls",
}

// readers say what an existing container was given of the options whose values look
// different to the engine.
var readers = map[string]func(o original) []string{
	"env":        func(o original) []string { return o.variables() },
	"entrypoint": func(o original) []string { entrypoint, _, _ := o.argv(); return entrypoint },
	"hostname":   func(o original) []string { return o.ownName(o.Config.Hostname) },
	"domainname": func(o original) []string { return o.ownName(o.Config.Domainname) },

	"volume":       readVolumes,
	"mount":        readMounts,
	"tmpfs":        func(o original) []string { return joined(o.HostConfig.Tmpfs, ":") },
	"volumes-from": readVolumesFrom,

	"network": readNetworks,
	"publish": readPublished,
	"expose":  readExposed,
	"link":    readLinks,
	"pid":     func(o original) []string { return o.namespace(string(o.HostConfig.PidMode)) },
	"ipc":     func(o original) []string { return o.namespace(string(o.HostConfig.IpcMode), "shareable") },
	"uts":     func(o original) []string { return o.namespace(string(o.HostConfig.UTSMode)) },

	"cap-add":      func(o original) []string { return withoutCAP(o.HostConfig.CapAdd) },
	"cap-drop":     func(o original) []string { return withoutCAP(o.HostConfig.CapDrop) },
	"security-opt": readSecurityOptions,
	"device":       readDevices,
	"gpus":         readGPUs,

	"memory":             func(o original) []string { return size(o.HostConfig.Memory) },
	"memory-reservation": func(o original) []string { return size(o.HostConfig.MemoryReservation) },
	"memory-swap":        readSwap,
	"shm-size":           func(o original) []string { return beyond(size(o.HostConfig.ShmSize), size(usualShmSize)) },
	"cpus":               readCPUs,
	"memory-swappiness":  readSwappiness,
	"ulimit":             readUlimits,
	"blkio-weight-device": func(o original) []string {
		return texts(o.HostConfig.BlkioWeightDevice)
	},
	"device-read-bps":   func(o original) []string { return texts(o.HostConfig.BlkioDeviceReadBps) },
	"device-write-bps":  func(o original) []string { return texts(o.HostConfig.BlkioDeviceWriteBps) },
	"device-read-iops":  func(o original) []string { return texts(o.HostConfig.BlkioDeviceReadIOps) },
	"device-write-iops": func(o original) []string { return texts(o.HostConfig.BlkioDeviceWriteIOps) },

	"stop-timeout":          readStopTimeout,
	"restart":               readRestart,
	"detach":                readDetach,
	"no-healthcheck":        readNoHealthCheck,
	"health-cmd":            readHealthCommand,
	"health-interval":       func(o original) []string { return readHealthTime(o, "Interval") },
	"health-timeout":        func(o original) []string { return readHealthTime(o, "Timeout") },
	"health-start-period":   func(o original) []string { return readHealthTime(o, "StartPeriod") },
	"health-start-interval": func(o original) []string { return readHealthTime(o, "StartInterval") },
	"health-retries":        readHealthRetries,
}

// leftOut are options that an existing container is not read for, and why.
var leftOut = map[string]string{
	"env-file":      "what it holds is among the variables",
	"label-file":    "what it holds is among the labels",
	"platform":      "the image is here",
	"pull":          "the image is here",
	"network-alias": requests,
	"ip":            requests,
	"ip6":           requests,
	"link-local-ip": requests,
	"mac-address":   requests,
	"label":         "others act on labels: a proxy would send requests to a run, an updater would replace it",
	"log-driver":    "a run's output does not belong where the container's is collected",
	"log-opt":       "a run's output does not belong where the container's is collected",
}

const requests = "a run would get the requests that are meant for the container"

// values are what the container was given for an option; none for what it has from its
// image or its engine.
func (o original) values(option *workload.Option) []string {
	if read := readers[option.Name]; read != nil {
		return read(o)
	}
	if leftOut[option.Name] != "" || option.Refused != "" || option.Plain {
		return nil
	}
	field := option.Field
	if field == "" {
		field = fieldsOf[option.Name]
	}
	parent, name, _ := strings.Cut(field, ".")
	return plain(o.given[parent][name], o.inherited[parent][name])
}

// plain are the values of a field of JSON: a string, a number, true, a list of strings
// or an object of strings. What is the same as inherited was not given.
func plain(given, inherited any) []string {
	switch given := given.(type) {
	case string:
		if given != "" && given != inherited {
			return []string{given}
		}
	case bool:
		if given {
			return []string{"true"}
		}
	case json.Number:
		if given != "0" && given != inherited {
			return []string{string(given)}
		}
	case []any:
		all, _ := inherited.([]any)
		var more []string
		for _, value := range given {
			if text, ok := value.(string); ok && !slices.Contains(all, value) {
				more = append(more, text)
			}
		}
		return more
	case map[string]any:
		all, _ := inherited.(map[string]any)
		more := map[string]string{}
		for name, value := range given {
			if text, ok := value.(string); ok && all[name] != value {
				more[name] = text
			}
		}
		return joined(more, "=")
	}
	return nil
}

// usualShmSize is dockerd's (moby daemon/config, DefaultShmSize).
const usualShmSize = 64 << 20

// fields are the create request's fields as JSON: those that the container has, and those
// that the image and the engine give where no option says otherwise.
func (o original) fields() (given, inherited map[string]map[string]any, err error) {
	if given, err = asFields(o.Config, o.HostConfig); err != nil {
		return nil, nil, err
	}
	host := container.HostConfig{
		Runtime:      o.engine.info.DefaultRuntime,
		CgroupnsMode: container.CgroupnsModeHost,
		OomScoreAdj:  0,
	}
	if o.engine.info.CgroupVersion == "2" {
		host.CgroupnsMode = container.CgroupnsModePrivate
	}
	if o.engine.kind == Podman {
		// It says oci, whichever runtime that is (podman pkg/api/handlers/compat).
		host.Runtime = o.HostConfig.Runtime
	}
	inherited, err = asFields(o.image, host)
	return given, inherited, err
}

func asFields(config, host any) (map[string]map[string]any, error) {
	text, err := json.Marshal(map[string]any{"Config": config, "HostConfig": host})
	if err != nil {
		return nil, fmt.Errorf("reading a container's settings: %w", err)
	}
	var all map[string]map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("reading a container's settings: %w", err)
	}
	return all, nil
}

// variablesBeyond are the variables that are not the image's. A name alone takes one of
// the image's away.
func variablesBeyond(given, image []string) []string {
	var more []string
	has := map[string]bool{}
	for _, entry := range given {
		name, _, _ := strings.Cut(entry, "=")
		has[name] = true
		if !slices.Contains(image, entry) {
			more = append(more, entry)
		}
	}
	for _, entry := range image {
		if name, _, _ := strings.Cut(entry, "="); !has[name] {
			more = append(more, name)
		}
	}
	return more
}

// variables are those that the user gave it.
func (o original) variables() []string {
	return slices.DeleteFunc(variablesBeyond(o.Config.Env, o.image.Env), func(entry string) bool {
		return slices.Contains(o.engine.variables, entry) || entry == "HOSTNAME="+o.Config.Hostname && o.engine.kind == Podman
	})
}

// ownName is a host or domain name that the container was given: not the beginning of
// its ID, nor the host's, which a container in the host's network has.
func (o original) ownName(name string) []string {
	mode := o.HostConfig.NetworkMode
	if name == "" || strings.HasPrefix(o.ID, name) || mode.IsContainer() || o.HostConfig.UTSMode.IsHost() {
		return nil
	}
	if mode.IsHost() {
		host, domain, _ := strings.Cut(o.engine.info.Name, ".")
		if name == host || name == domain || name == o.engine.info.Name {
			return nil
		}
	}
	return []string{name}
}

// namespace is a namespace mode other than one of the container's own.
func (o original) namespace(mode string, own ...string) []string {
	if mode == "" || mode == "private" || slices.Contains(own, mode) {
		return nil
	}
	if id, ok := strings.CutPrefix(mode, "container:"); ok {
		mode = "container:" + o.nameOf(id)
	}
	return []string{mode}
}

// withoutCAP are capabilities as docker run's documentation writes them. The engine puts
// CAP_ in front.
func withoutCAP(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, strings.TrimPrefix(name, "CAP_"))
	}
	return all
}

// readSecurityOptions are those that were given. The engine itself adds label=disable to a
// container that shares enough with the host (moby daemon, generateSecurityOpt).
func readSecurityOptions(o original) []string {
	host := o.HostConfig
	var all []string
	for _, option := range host.SecurityOpt {
		if option == "label=disable" && (host.Privileged || host.PidMode.IsHost() || host.IpcMode.IsHost()) {
			continue
		}
		// docker-compose 1 sends a seccomp profile with its white space.
		if name, profile, _ := strings.Cut(option, "="); name == "seccomp" && workload.InlineSeccomp(profile) {
			var compact bytes.Buffer
			if json.Compact(&compact, []byte(profile)) == nil {
				option = name + "=" + compact.String()
			}
		}
		all = append(all, option)
	}
	// The engine's own lists are spelled out; with --privileged there are none.
	if !host.Privileged && host.MaskedPaths != nil && len(host.MaskedPaths)+len(host.ReadonlyPaths) == 0 && o.engine.kind != Podman {
		all = append(all, "systempaths=unconfined")
	}
	return all
}

// readDevices are nodes, and devices of the Container Device Interface.
func readDevices(o original) []string {
	var all []string
	for _, d := range o.HostConfig.Devices {
		value := d.PathOnHost
		if d.PathInContainer != d.PathOnHost || d.CgroupPermissions != "rwm" {
			value += ":" + d.PathInContainer
		}
		if d.CgroupPermissions != "rwm" {
			value += ":" + d.CgroupPermissions
		}
		all = append(all, value)
	}
	for _, request := range o.HostConfig.DeviceRequests {
		if request.Driver == "cdi" {
			all = append(all, request.DeviceIDs...)
		}
	}
	return all
}

// readGPUs is the request that --gpus makes (docker/cli opts/gpus.go).
func readGPUs(o original) []string {
	for _, request := range o.HostConfig.DeviceRequests {
		if request.Driver == "cdi" {
			continue
		}
		var fields [][2]string
		switch {
		case len(request.DeviceIDs) > 0:
			fields = append(fields, [2]string{"device", strings.Join(request.DeviceIDs, ",")})
		case request.Count == -1:
			fields = append(fields, [2]string{"count", "all"})
		default:
			fields = append(fields, [2]string{"count", strconv.Itoa(request.Count)})
		}
		if request.Driver != "" {
			fields = append(fields, [2]string{"driver", request.Driver})
		}
		var capabilities []string
		for _, list := range request.Capabilities {
			capabilities = append(capabilities, list...)
		}
		// gpu goes without saying.
		capabilities = slices.DeleteFunc(capabilities, func(c string) bool { return c == "gpu" })
		if len(capabilities) > 0 {
			fields = append(fields, [2]string{"capabilities", strings.Join(capabilities, ",")})
		}
		if options := joined(request.Options, "="); len(options) > 0 {
			fields = append(fields, [2]string{"options", strings.Join(options, ",")})
		}
		if len(fields) == 1 && fields[0][0] == "count" {
			return []string{fields[0][1]}
		}
		return []string{record(fields)}
	}
	return nil
}
