package advice

import "github.com/capprof/capprof/internal/remedy"

// containerWordings are about how the container is made: they differ most by
// platform.
var containerWordings = map[remedy.Kind]wording{
	remedy.Device: {
		docker:     "--device {path!|PATH}",
		compose:    "devices: {path|PATH}",
		kubernetes: "a device plugin that offers {path|the device}",
		host:       "give the service access to {path|the device} (DeviceAllow= in its unit)",
	},
	remedy.DeviceRule: {
		docker:     "--device-cgroup-rule '{device|TYPE MAJOR:MINOR} rwm'",
		compose:    "device_cgroup_rules: {device|TYPE MAJOR:MINOR} rwm",
		kubernetes: "a device plugin that offers device {device|TYPE MAJOR:MINOR}; pods have no device rules",
		host:       "DeviceAllow= in its unit, for device {device|TYPE MAJOR:MINOR}",
	},
	remedy.EngineMount: {
		docker:     "let the engine mount it: --mount, --volume or --tmpfs",
		compose:    "let the engine mount it: volumes or tmpfs of the service",
		kubernetes: "let the kubelet mount it: volumes and volumeMounts of the pod",
		host:       "let init mount it: /etc/fstab, or a mount unit",
	},
	remedy.WritableMount: {
		docker:     "mount what has to be written: --tmpfs {path!|DIR} or a volume",
		compose:    "mount what has to be written: tmpfs: {path|DIR} or a volume",
		kubernetes: "mount what has to be written: an emptyDir volume at {path|DIR}",
		host:       "make {path|the directory} writable (ReadWritePaths= in its unit)",
	},
	remedy.WritableRoot: {
		docker: "run without --read-only", compose: "run without read_only: true", kubernetes: "run without readOnlyRootFilesystem: true",
		host: "mount the root file system read-write",
	},
	remedy.OtherFileSystem: {any: "put the file on another file system"},
	remedy.SharedMemory: {
		docker: "--shm-size SIZE", compose: "shm_size: SIZE",
		kubernetes: "mount an emptyDir of medium Memory at /dev/shm, with the sizeLimit that it needs", host: "mount /dev/shm with size=SIZE",
	},
	remedy.HostSys: {
		docker:     "set it on the host, or mount what has to be written: --volume {path!|DIR}:{path!|DIR}",
		compose:    "set it on the host, or mount what has to be written: volumes: {path|DIR}:{path|DIR}",
		kubernetes: "set it on the node, or mount what has to be written: a hostPath volume of {path|DIR}",
		host:       "mount /sys read-write",
	},
	remedy.EngineLimits: {
		docker: "let the engine set the limits (--memory, --cpus, --pids-limit)", compose: "let the engine set the limits (deploy.resources.limits, pids_limit)",
		kubernetes: "let the kubelet set the limits (resources.limits)", host: "let the service manager set the limits (MemoryMax=, CPUQuota=, TasksMax=)",
	},
	remedy.HostCgroups: {
		docker:     "a container that manages control groups itself needs --volume /sys/fs/cgroup:/sys/fs/cgroup and --cgroupns=host",
		compose:    "a container that manages control groups itself needs volumes: /sys/fs/cgroup:/sys/fs/cgroup and cgroup: host",
		kubernetes: "a pod that manages control groups itself needs a hostPath volume of /sys/fs/cgroup",
		host:       "a service that manages control groups itself needs Delegate=yes in its unit",
	},
	remedy.UnmaskPaths: {
		docker: "--security-opt systempaths=unconfined", podman: "--security-opt unmask=ALL", compose: "security_opt: systempaths=unconfined",
		kubernetes: "procMount: Unmasked in the securityContext, with hostUsers: false", host: "mount /proc and /sys read-write (ProtectKernelTunables=no in its unit)",
	},
	remedy.Sysctl: {
		docker:     "set it when the container is created: --sysctl {name|NAME}={value!|VALUE}",
		compose:    "set it when the container is created: sysctls: {name|NAME}={value|VALUE}",
		kubernetes: "set it when the pod is created: sysctls of its securityContext, {name|NAME}={value|VALUE} (the kubelet has to allow an unsafe one)",
		host:       "set it: sysctl -w {name|NAME}={value!|VALUE}",
	},
	remedy.HostSysctl: {
		any:  "the setting is the whole machine's: set {name|it}[={value}] on the host[, with a seccomp profile that allows {call}]",
		host: "set {name|it}[={value}]",
	},
	remedy.Limit: {
		docker:     "raise the limit when the container is created: --ulimit {name|NAME}={value|N}",
		compose:    "raise the limit when the container is created: ulimits: {name|NAME}: {value|N}",
		kubernetes: "raise the limit[ {name}] in the container runtime: a pod has no field for it",
		host:       "raise the limit[ {name}] (prlimit, or its Limit option in a unit)",
	},
	remedy.OOMScore: {
		docker: "--oom-score-adj", compose: "oom_score_adj:", kubernetes: "the pod's quality of service sets it: requests equal to limits protect it most", host: "OOMScoreAdjust= in its unit",
	},
	remedy.Hostname:   {docker: "--hostname", compose: "hostname:", kubernetes: "hostname in the pod's spec", host: "set it with hostname(1)"},
	remedy.Domainname: {docker: "--domainname", compose: "domainname:", kubernetes: "leave it out: a pod has no field for the NIS domain name", host: "set it with domainname(1)"},
	remedy.Terminal: {
		docker: "-t gives the container a terminal of its own", compose: "tty: true gives the container a terminal of its own",
		kubernetes: "tty: true gives the container a terminal of its own", host: "start it on a terminal of its own",
	},
	remedy.EngineNetwork: {
		docker: "let the engine set up the network (--network, --sysctl), or do it outside of the container", compose: "let the engine set up the network (networks, sysctls), or do it outside of the container",
		kubernetes: "let the cluster's network plugin set it up, or an init container that has the capability", host: "let the network's service set it up",
	},
	remedy.RealTimeBudget: {
		docker: "give its control group time: --cpu-rt-runtime, where dockerd has it too", compose: "give its control group time: cpu_rt_runtime, where dockerd has it too",
		kubernetes: "run it outside of Kubernetes, which gives no real-time budget", host: "give its control group time (cpu.rt_runtime_us)",
	},
	remedy.AllowCall: {
		docker:     "a seccomp profile that allows {call|the call}: --security-opt seccomp=FILE",
		compose:    "a seccomp profile that allows {call|the call}: security_opt: seccomp:FILE",
		kubernetes: "a seccomp profile that allows {call|the call}: seccompProfile of type Localhost",
		host:       "allow {call|the call} in its seccomp filter (SystemCallFilter= in a unit)",
	},
	remedy.HostUserNamespace: {
		docker:     "--userns=host, where the engine remaps users; with a rootless engine, an engine of root's",
		compose:    "userns_mode: host, where the engine remaps users; with a rootless engine, an engine of root's",
		kubernetes: "hostUsers: true", host: "run it in the host's user namespace",
	},
}
