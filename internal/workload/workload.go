// Package workload is what is run, in the words of docker run.
package workload

// Spec is a container to run, in the terms of docker run. Capabilities are
// not part of it: the loop chooses them.
type Spec struct {
	Image string
	// Command replaces the image's command when it is not empty.
	Command []string
	// Entrypoint replaces the image's entrypoint when it is not nil; a single
	// empty string clears it.
	Entrypoint  []string
	Env         []string
	Volumes     []string
	WorkingDir  string
	User        string
	Network     string
	Sysctls     map[string]string
	SecurityOpt []string
	Devices     []string
	Tmpfs       []string
	ReadOnly    bool
	// CgroupNS is "host" or "private", "" for the engine's default.
	CgroupNS string
	// DeviceCgroupRules are rules such as "c 10:229 rwm", beside those of Devices.
	DeviceCgroupRules []string
	Interactive       bool
	TTY               bool
}
