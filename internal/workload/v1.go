package workload

import (
	"maps"
	"slices"
)

// V1 is what was run in a profile of schema version 1, which spelled the options out.
type V1 struct {
	Command           []string          `json:"command"`
	Entrypoint        []string          `json:"entrypoint"`
	Env               []string          `json:"env"`
	Volumes           []string          `json:"volumes"`
	WorkingDir        string            `json:"workingDir"`
	User              string            `json:"user"`
	Network           string            `json:"network"`
	Sysctls           map[string]string `json:"sysctls"`
	SecurityOpt       []string          `json:"securityOpt"`
	Devices           []string          `json:"devices"`
	Tmpfs             []string          `json:"tmpfs"`
	ReadOnly          bool              `json:"readOnly"`
	Interactive       bool              `json:"interactive"`
	TTY               bool              `json:"tty"`
	CgroupNS          string            `json:"cgroupns,omitempty"`
	DeviceCgroupRules []string          `json:"deviceCgroupRules,omitempty"`
	CapAdd            []string          `json:"capAdd"`
	CapDrop           []string          `json:"capDrop"`
	Privileged        bool              `json:"privileged"`
}

// Forward is the command and the options as they are today. An entrypoint of more than
// one word, which no capprof wrote, goes on in the command: the engine appends one to
// the other.
func (v V1) Forward() (command []string, options Options) {
	command = v.Command
	if len(v.Entrypoint) > 1 {
		command = slices.Concat(v.Entrypoint[1:], command)
	}
	var sysctls []string
	for _, name := range slices.Sorted(maps.Keys(v.Sysctls)) {
		sysctls = append(sysctls, name+"="+v.Sysctls[name])
	}
	flag := map[bool]string{true: "true", false: "false"}
	return command, options.
		Set("entrypoint", v.Entrypoint[:min(1, len(v.Entrypoint))]...).
		Set("env", v.Env...).
		Set("volume", v.Volumes...).
		Set("workdir", v.WorkingDir).
		Set("user", v.User).
		Set("network", v.Network).
		Set("sysctl", sysctls...).
		Set("security-opt", v.SecurityOpt...).
		Set("device", v.Devices...).
		Set("tmpfs", v.Tmpfs...).
		Set("read-only", flag[v.ReadOnly]).
		Set("interactive", flag[v.Interactive]).
		Set("tty", flag[v.TTY]).
		Set("cgroupns", v.CgroupNS).
		Set("device-cgroup-rule", v.DeviceCgroupRules...).
		Set("cap-add", v.CapAdd...).
		Set("cap-drop", v.CapDrop...).
		Set("privileged", flag[v.Privileged])
}
