package workload

import "github.com/docker/cli/opts"

// limits are options about resources.
var limits = []*Option{
	{
		Name: "ulimit", Kind: List, Check: check(parseUlimit), Key: beforeEquals,
		Usage:  "limit of the processes: `NAME=SOFT[:HARD]`",
		Fields: ulimits, Compose: "ulimits", ComposeValue: composeUlimits,
	},
	sizeOption("shm-size", "", "HostConfig.ShmSize", "shm_size", "size of /dev/shm, in `bytes` or as 64m"),
	sizeOption("memory", "m", "HostConfig.Memory", "mem_limit", "limit of memory, in `bytes` or as 512m"),
	sizeOption("memory-reservation", "", "HostConfig.MemoryReservation", "mem_reservation", "soft limit of memory, in `bytes`"),
	{
		Name: "memory-swap", Kind: Text, Check: check(parseSwap),
		Usage: "limit of memory and swap together, in `bytes`; -1 for none",
		Fields: func(values []string, _ Client) (Fields, error) {
			size, err := parseSwap(values[0])
			return Fields{"HostConfig.MemorySwap": size}, err
		},
		Compose: "memswap_limit",
	},
	{
		Name: "memory-swappiness", Kind: Text, Check: within(-1, 100),
		Usage: "how readily memory is swapped, a `number` from 0 to 100",
		Fields: func(values []string, _ Client) (Fields, error) {
			n, err := parseNumber(values[0])
			if n == -1 { // docker's word for the engine's default
				return nil, err
			}
			return Fields{"HostConfig.MemorySwappiness": n}, err
		},
		Compose: "mem_swappiness", ComposeValue: composeNumber,
	},
	{
		Name: "oom-kill-disable", Kind: Flag,
		Usage: "let no process be killed where memory runs out",
		Field: "HostConfig.OomKillDisable", Compose: "oom_kill_disable",
	},
	numberOption("oom-score-adj", "", "HostConfig.OomScoreAdj", "oom_score_adj", "how readily the kernel kills it, a `number` from -1000 to 1000", within(-1000, 1000)),
	numberOption("pids-limit", "", "HostConfig.PidsLimit", "pids_limit", "limit of processes, a `number`; -1 for none", check(parseNumber)),
	{
		Name: "cpus", Kind: Text, Check: check(opts.ParseCPUs),
		Usage: "limit of CPUs, a `number` such as 1.5",
		Fields: func(values []string, _ Client) (Fields, error) {
			cpus, err := opts.ParseCPUs(values[0])
			return Fields{"HostConfig.NanoCpus": cpus}, err
		},
		Compose: "cpus",
	},
	numberOption("cpu-shares", "c", "HostConfig.CpuShares", "cpu_shares", "relative `weight` of its CPU time", check(parseNumber)),
	numberOption("cpu-period", "", "HostConfig.CpuPeriod", "cpu_period", "period of the CPU quota, in `microseconds`", check(parseNumber)),
	numberOption("cpu-quota", "", "HostConfig.CpuQuota", "cpu_quota", "CPU time in each period, in `microseconds`", check(parseNumber)),
	numberOption("cpu-rt-period", "", "HostConfig.CpuRealtimePeriod", "cpu_rt_period", "period of the real-time quota, in `microseconds`", check(parseNumber)),
	numberOption("cpu-rt-runtime", "", "HostConfig.CpuRealtimeRuntime", "cpu_rt_runtime", "real-time CPU time in each period, in `microseconds`", check(parseNumber)),
	{
		Name: "cpuset-cpus", Kind: Text,
		Usage: "`CPUs` to run on, such as 0-2,4",
		Field: "HostConfig.CpusetCpus", Compose: "cpuset",
	},
	{
		Name: "cpuset-mems", Kind: Text,
		Usage: "memory `nodes` to use, such as 0-1",
		Field: "HostConfig.CpusetMems",
	},
	numberOption("blkio-weight", "", "HostConfig.BlkioWeight", "blkio_config.weight", "relative `weight` of block I/O, from 10 to 1000", weight),
	{
		Name: "blkio-weight-device", Kind: List, Check: check(opts.ValidateWeightDevice), Key: beforeColon,
		Usage: "relative weight of a device: `DEVICE:WEIGHT`",
		Fields: func(values []string, _ Client) (Fields, error) {
			return Fields{"HostConfig.BlkioWeightDevice": anyOf(parsed(values, opts.ValidateWeightDevice))}, nil
		},
		Compose: "blkio_config.weight_device", ComposeValue: composeOfDevices("weight"),
	},
	throttleOption("device-read-bps", "BlkioDeviceReadBps", "device_read_bps", "bytes a second that are read from a device: `DEVICE:RATE`", opts.ValidateThrottleBpsDevice),
	throttleOption("device-read-iops", "BlkioDeviceReadIOps", "device_read_iops", "reads a second from a device: `DEVICE:RATE`", opts.ValidateThrottleIOpsDevice),
	throttleOption("device-write-bps", "BlkioDeviceWriteBps", "device_write_bps", "bytes a second that are written to a device: `DEVICE:RATE`", opts.ValidateThrottleBpsDevice),
	throttleOption("device-write-iops", "BlkioDeviceWriteIOps", "device_write_iops", "writes a second to a device: `DEVICE:RATE`", opts.ValidateThrottleIOpsDevice),
	{
		Name: "cgroup-parent", Kind: Text,
		Usage: "parent `cgroup` of the container",
		Field: "HostConfig.CgroupParent", Compose: "cgroup_parent",
	},
}
