package workload

// namespaces are options about what the container shares with the host and with others,
// and about what runs it.
var namespaces = []*Option{
	{
		Name: "pid", Kind: Text, Check: modes("host"),
		Usage: "PID `namespace`: host, or container:NAME",
		Field: "HostConfig.PidMode", Compose: "pid",
	},
	{
		Name: "ipc", Kind: Text, Check: modes("host", "private", "shareable", "none"),
		Usage: "IPC `namespace`: host, private, shareable, none, or container:NAME",
		Field: "HostConfig.IpcMode", Compose: "ipc",
	},
	{
		Name: "uts", Kind: Text, Check: oneOf("host"),
		Usage: "UTS `namespace`: host",
		Field: "HostConfig.UTSMode", Compose: "uts", ComposeV2: true,
	},
	{
		Name: "userns", Kind: Text, Check: oneOf("host"),
		Usage: "user `namespace`: host, where the engine remaps users",
		Field: "HostConfig.UsernsMode", Compose: "userns_mode",
	},
	{
		Name: "gpus", Kind: List, Check: check(parseGPUs),
		Usage:  "add GPUs: `all`, a number, or pairs such as device=0",
		Fields: gpus, Compose: "gpus", ComposeV2: true, ComposeValue: composeGPUs,
	},
	{
		Name: "runtime", Kind: Text,
		Usage: "OCI `runtime` of the container",
		Field: "HostConfig.Runtime", Compose: "runtime",
	},
	{
		Name: "annotation", Kind: List, Check: checkPair, Key: beforeEquals, Since: "1.43",
		Usage:  "add an annotation, which the OCI runtime gets: `NAME=VALUE`",
		Fields: pairsAt("HostConfig.Annotations"), Compose: "annotations", ComposeV2: true, ComposeValue: composePairs,
	},
	{
		Name: "platform", Kind: Text, Check: check(ParsePlatform),
		Usage:  "`platform` of the image, such as linux/arm64",
		Fields: noField, Compose: "platform",
	},
	{
		Name: "pull", Kind: Text, Check: oneOf("always", "missing", "never"),
		Usage:  "`when` to pull the image: always, missing or never",
		Fields: noField, Compose: "pull_policy",
	},
	{
		Name: "isolation", Kind: Text, Check: oneOf("default"),
		Usage: "isolation `technology`, of which Linux has default alone",
		Field: "HostConfig.Isolation",
	},
	{
		Name: "storage-opt", Kind: List, Check: checkPair, Key: beforeEquals,
		Usage:  "option of the storage driver: `NAME=VALUE`",
		Fields: pairsAt("HostConfig.StorageOpt"), Compose: "storage_opt", ComposeValue: composePairs,
	},
}

// noField is for an option that is not in the body of the create request.
func noField([]string, Client) (Fields, error) { return nil, nil }
