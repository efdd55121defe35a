package workload

import (
	"slices"
	"strings"
)

// Table has every option of docker run, what of podman run stands in pasted lines, and what
// is said of plain processes, in the order of the help. It is a variable so that a test can show that an entry is all
// that an option needs.
var Table = slices.Concat(inside, baseline, namespaces, networking, limits, service, plain, withoutEffect, refused)

// inside are options about what is in the container.
var inside = []*Option{
	{
		// Before env, which goes over it.
		Name: "env-file", Kind: List,
		Usage:  "set the environment variables of a `file`",
		Fields: variablesOfFiles, Compose: "env_file",
	},
	{
		Name: "env", Short: "e", Kind: List, Check: checkEnv, Key: beforeEquals, Secret: true,
		Usage:  "set an environment variable: `NAME=VALUE`, or NAME to pass ours on",
		Fields: variables, Compose: "environment",
	},
	{
		Name: "volume", Short: "v", Kind: List, Check: check(ParseVolume),
		Usage:  "mount a volume or a directory: `[SOURCE:]TARGET[:OPTIONS]`",
		Fields: binds, Compose: "volumes",
	},
	{
		Name: "mount", Kind: List, Check: check(parseMount),
		Usage:  "mount what `pairs` say: type=bind, source=DIR, target=DIR, readonly",
		Fields: mounts, Compose: "volumes", ComposeValue: composeMounts,
	},
	{
		Name: "volumes-from", Kind: List,
		Usage: "mount the volumes of another container: `CONTAINER[:ro]`",
		Field: "HostConfig.VolumesFrom", Compose: "volumes_from", ComposeValue: composeVolumesFrom,
	},
	{
		Name: "volume-driver", Kind: Text,
		Usage: "`driver` of the volumes that are made",
		Field: "HostConfig.VolumeDriver",
	},
	{
		Name: "workdir", Short: "w", Kind: Text,
		Usage: "working `directory` inside the container",
		Field: "Config.WorkingDir", Compose: "working_dir",
	},
	{
		Name: "user", Short: "u", Kind: Text,
		Usage: "run as `user[:group]`",
		Field: "Config.User", Compose: "user",
	},
	{
		Name: "group-add", Kind: List,
		Usage: "also be in a `group`",
		Field: "HostConfig.GroupAdd", Compose: "group_add",
	},
	{
		Name: "hostname", Short: "h", Kind: Text,
		Usage: "host `name` of the container",
		Field: "Config.Hostname", Compose: "hostname",
	},
	{
		Name: "domainname", Kind: Text,
		Usage: "NIS domain `name` of the container",
		Field: "Config.Domainname", Compose: "domainname",
	},
	{
		Name: "network", Aliases: []string{"net"}, Kind: List, OrText: true, Check: check(ParseNetwork),
		Usage:  "connect to a `network`, or to name=NETWORK with alias=, ip= and others",
		Fields: networkMode, Compose: "network_mode", ComposeValue: composeNetwork,
	},
	{
		Name: "sysctl", Kind: List, Check: checkSysctl, Key: beforeEquals,
		Usage: "set a kernel parameter of the container: `NAME=VALUE`",
		Fields: func(values []string, _ Client) (Fields, error) {
			return Fields{"HostConfig.Sysctls": anyIn(pairs(values))}, nil
		},

		Compose: "sysctls", ComposeValue: func(values []string) any { return pairs(values) },
	},
	{
		Name: "security-opt", Kind: List, Check: check(ParseSecurityOption),
		Usage:  "security `option`, such as seccomp=FILE or no-new-privileges",
		Fields: securityOptions, Compose: "security_opt",
	},
	{
		Name: "device", Kind: List, Check: check(ParseDevice),
		Usage:  "add a host device: `HOST[:CONTAINER[:PERMISSIONS]]`",
		Fields: devices, Compose: "devices",
	},
	{
		Name: "device-cgroup-rule", Kind: List, Check: checkDeviceRule,
		Usage: "let the container use devices: `\"TYPE MAJOR:MINOR rwm\"`",
		Field: "HostConfig.DeviceCgroupRules", Compose: "device_cgroup_rules",
	},
	{
		Name: "cgroupns", Kind: Text, Check: oneOf("host", "private"),
		Usage: "cgroup `namespace`: host or private",
		Field: "HostConfig.CgroupnsMode", Compose: "cgroup", ComposeV2: true,
	},
	{
		Name: "tmpfs", Kind: List, Check: check(ParseTmpfs), Key: beforeColon,
		Usage:  "mount a tmpfs: `TARGET[:OPTIONS]`",
		Fields: tmpfs, Compose: "tmpfs",
	},
	{
		Name: "entrypoint", Kind: Text, KeepsEmpty: true,
		Usage:  "replace the image's entrypoint by `program`",
		Fields: func(values []string, _ Client) (Fields, error) { return Fields{"Config.Entrypoint": values}, nil },

		Compose: "entrypoint", ComposeValue: func(values []string) any { return values },
	},
	{
		Name: "read-only", Kind: Flag,
		Usage: "mount the root file system read-only",
		Field: "HostConfig.ReadonlyRootfs", Compose: "read_only",
	},
	{
		Name: "init", Kind: Flag,
		Usage: "run an init as the first process, which passes signals on and reaps",
		Field: "HostConfig.Init", Compose: "init",
	},
	{
		Name: "interactive", Short: "i", Kind: Flag,
		Usage:  "pass standard input to every run",
		Fields: standardInput, Compose: "stdin_open",
	},
	{
		Name: "tty", Short: "t", Kind: Flag,
		Usage: "give the workload a terminal; with -i, Ctrl-P Ctrl-Q interrupts capprof",
		Field: "Config.Tty", Compose: "tty",
	},
}

// baseline are today's privileges.
var baseline = []*Option{
	{
		Name: "cap-add", Kind: List, Baseline: true,
		Usage: "a `capability`, as in your docker run today; capprof may grant it",
	},
	{
		Name: "cap-drop", Kind: List, Baseline: true,
		Usage: "a `capability`, as in your docker run today; capprof does not grant it",
	},
	{
		Name: "privileged", Kind: Flag, Baseline: true,
		Usage: "the container runs with --privileged today; find what it really needs",
	},
}

// standardInput: the end of our input is the end of the workload's.
func standardInput([]string, Client) (Fields, error) {
	return Fields{"Config.OpenStdin": true, "Config.AttachStdin": true, "Config.StdinOnce": true}, nil
}

func beforeEquals(value string) string { key, _, _ := strings.Cut(value, "="); return key }

func beforeColon(value string) string { key, _, _ := strings.Cut(value, ":"); return key }

// pairs are NAME=VALUE by name.
func pairs(values []string) map[string]string {
	all := make(map[string]string, len(values))
	for _, pair := range values {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}
	return all
}
