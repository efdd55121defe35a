package observation

// Refusal is what a security module refused a process, as the kernel's log has it.
type Refusal struct {
	// Module is "apparmor" or "selinux".
	Module string
	// Label is the process's own: the name of AppArmor's profile, or SELinux's domain.
	Label string
	// PID is the process in the initial PID namespace.
	PID int
	// Operation is AppArmor's word for what was tried ("mount", "ptrace"), or the
	// permissions that SELinux refused ("read open").
	Operation string
	// Class is SELinux's class of the object ("dir", "process"), and what AppArmor's rules
	// are sorted by ("mount", "file"; newer kernels alone).
	Class string
	// Path is the file that it was about, as the container knows it: its path, the last part
	// of it alone, which is what SELinux mostly knows, or "" where the record names none.
	Path string
	// Capability is the one that the module refused although the kernel's own check had
	// agreed, as the kernel writes it: "sys_admin"; "" for all other refusals.
	Capability string
	// Rule is what a policy would have to have to let it through, in the module's own
	// language but for the mark at its end; "" where that is not known.
	Rule string
	// Record is the record without what is another each time (time, process, inode).
	Record string
}

// Access is what a policy is asked about. It is comparable.
type Access struct {
	Kind AccessKind
	// Path is the file, or where is mounted or unmounted; absolute, as the container knows
	// it. Source is what is mounted, as the caller named it.
	Path, Source string
	// Flags are those of mount(2).
	Flags uint64
	// Read, Write and Execute say what a file is wanted for.
	Read, Write, Execute bool
}

// AccessKind is what is done.
type AccessKind string

// The kinds.
const (
	MountAccess   AccessKind = "mount"
	UnmountAccess AccessKind = "umount"
	FileAccess    AccessKind = "file"
)

// Ruling is a policy's answer. The zero value is none.
type Ruling struct {
	// Known says that it is a clear one.
	Known bool
	// Allowed says that the policy lets it through.
	Allowed bool
	// Silent says that what it refuses here is not logged.
	Silent bool
}
