package workload

import "github.com/docker/cli/opts"

// service are options about how a container is watched, stopped and labelled, and where
// what it writes goes.
var service = []*Option{
	{
		Name: "stop-signal", Kind: Text, Check: check(ParseSignal),
		Usage: "`signal` that stops the container",
		Field: "Config.StopSignal", Compose: "stop_signal",
	},
	{
		Name: "stop-timeout", Kind: Text, Check: within(-1, 1<<31-1),
		Usage: "`seconds` to stop in, before it is killed; -1 for no limit",
		Fields: func(values []string, _ Client) (Fields, error) {
			n, err := parseNumber(values[0])
			return Fields{"Config.StopTimeout": n}, err
		},
		Compose: "stop_grace_period", ComposeValue: composeSeconds,
	},
	{
		Name: "health-cmd", Kind: Text,
		Usage: "shell `command` that checks the health",
		Fields: func(values []string, _ Client) (Fields, error) {
			return Fields{"Config.Healthcheck.Test": []string{"CMD-SHELL", values[0]}}, nil
		},
		Compose: "healthcheck.test", ComposeValue: func(values []string) any { return []string{"CMD-SHELL", values[0]} },
	},
	durationOption("health-interval", "Interval", "interval", "`time` between two checks, such as 30s", ""),
	durationOption("health-timeout", "Timeout", "timeout", "`time` that one check may take", ""),
	durationOption("health-start-period", "StartPeriod", "start_period", "`time` in which a failed check does not count", ""),
	durationOption("health-start-interval", "StartInterval", "start_interval", "`time` between two checks in the start period", "1.44"),
	numberOption("health-retries", "", "Config.Healthcheck.Retries", "healthcheck.retries", "`number` of failed checks that make it unhealthy", within(0, 1<<31-1)),
	{
		Name: "no-healthcheck", Kind: Flag,
		Usage: "run no health check",
		Fields: func([]string, Client) (Fields, error) {
			return Fields{"Config.Healthcheck.Test": []string{"NONE"}}, nil
		},
		Compose: "healthcheck.disable",
	},
	{
		// Before label, which goes over it.
		Name: "label-file", Kind: List,
		Usage:  "set the labels of a `file`",
		Fields: labelsOfFiles, Compose: "label_file", ComposeV2: true,
	},
	{
		Name: "label", Short: "l", Kind: List, Check: check(opts.ValidateLabel), Key: beforeEquals,
		Usage:  "set a label of the container: `NAME[=VALUE]`",
		Fields: pairsAt("Config.Labels"), Compose: "labels", ComposeValue: composePairs,
	},
	{
		Name: "log-driver", Kind: Text,
		Usage: "`driver` of the container's log",
		Field: "HostConfig.LogConfig.Type", Compose: "logging.driver",
	},
	{
		Name: "log-opt", Kind: List, Check: checkPair, Key: beforeEquals, Secret: true,
		Usage:  "option of the log driver: `NAME=VALUE`",
		Fields: pairsAt("HostConfig.LogConfig.Config"), Compose: "logging.options", ComposeValue: composePairs,
	},
}
