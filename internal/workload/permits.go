package workload

// permits are the options that say what a container may do, or as whom, beyond its
// capabilities: a set that was found with them is right with them alone.
var permits = []string{
	"user", "group-add", "security-opt", "device", "device-cgroup-rule", "gpus", "sysctl", "cgroupns", "pid", "ipc", "uts", "userns",
}

// Permits are the settings that were given without which a set of capabilities may not
// do. An inline seccomp profile is not among them: no command line has it.
func (o Options) Permits() []Setting {
	var all []Setting
	for _, name := range permits {
		for _, value := range o.Values(name) {
			option, err := ParseSecurityOption(value)
			if name == "security-opt" && err == nil && option.Name == "seccomp" && InlineSeccomp(option.Value) {
				continue
			}
			all = append(all, Setting{Name: name, Value: value})
		}
	}
	return all
}

// ForPodman is the setting as podman run takes it, where that is a security option of
// another name.
func (s Setting) ForPodman() Setting {
	if s.Name == "security-opt" && s.Value == "systempaths=unconfined" {
		s.Value = "unmask=ALL"
	}
	return s
}
