package engine

import "strings"

// Confinement is what a security module holds the processes of a container under.
type Confinement struct {
	Module SecurityModule
	// Label is the name of AppArmor's profile, "docker-default", or of SELinux's domain,
	// which is the type in the context of a process: "container_t". The categories of a
	// context are each container's own, and say nothing of what is refused.
	Label string
	// Permissive says that the module only logs what it would refuse (AppArmor's complain
	// mode, SELinux's permissive mode).
	Permissive bool
}

// unconfinedDomain is SELinux's for what runs in a container without confinement,
// with --privileged or label=disable (container-selinux).
const unconfinedDomain = "spc_t"

// AppArmorConfinement reads a profile's name, or what proc_pid_attr(5) shows for it:
// "docker-default (enforce)". ok is false for no profile at all.
func AppArmorConfinement(text string) (c Confinement, ok bool) {
	name := strings.TrimSpace(text)
	name, mode, _ := strings.Cut(strings.TrimSuffix(name, ")"), " (")
	if name == "" || name == Unconfined || mode == Unconfined {
		return Confinement{}, false
	}
	return Confinement{Module: AppArmor, Label: name, Permissive: mode == "complain"}, true
}

// SELinuxConfinement reads a security context: "system_u:system_r:container_t:s0:c1,c2".
// ok is false for none, and for the domain of what is not confined.
func SELinuxConfinement(context string) (c Confinement, ok bool) {
	parts := strings.Split(strings.TrimRight(context, "\x00\n"), ":")
	const domain = 2
	if len(parts) <= domain || parts[domain] == "" || parts[domain] == unconfinedDomain {
		return Confinement{}, false
	}
	return Confinement{Module: SELinux, Label: parts[domain]}, true
}
