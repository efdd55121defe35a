package mapper

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// What a security module refused is told by its record, by its policy, or, where neither
// says anything, by what its refusals look like.
func TestSecurityModules(t *testing.T) {
	const pid = 420
	call := func(name string, errno syscall.Errno, about observation.Object, checks ...observation.Check) observation.Operation {
		return observation.Operation{PID: pid, Syscall: name, Errno: errno, Entered: true, Returned: true, Object: about, Checks: checks}
	}
	may := granted(capability.SysAdmin, "ns_capable", "may_mount", "path_mount")
	mount := call("mount", unix.EACCES, observation.Object{Path: "none", SecondPath: "/mnt"}, may)
	searched := denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission")
	record := func(operation, class, path string) observation.Refusal {
		return observation.Refusal{Module: appArmor, Label: "mine", PID: pid, Operation: operation, Class: class, Path: path, Rule: "the rule", Record: "the record"}
	}
	ofAnother := record("ptrace", "ptrace", "")
	ofAnother.PID++
	capable := observation.Refusal{Module: appArmor, Label: "mine", PID: pid, Operation: "capable", Capability: "sys_admin", Rule: "capability sys_admin", Record: "the record"}
	domain := observation.Refusal{Module: selinux, Label: "container_t", PID: pid, Class: "file", Path: "/srv/x", Rule: "allow container_t user_home_t:file { read }", Record: "the record"}
	signalled, mounted := domain, domain
	signalled.Operation, signalled.Class, signalled.Path = "signal", "process", ""
	mounted.Operation, mounted.Class, mounted.Path = "mounton", "dir", "/mnt"
	domain.Operation, domain.Path = "read", "x"
	profile, container := Module{appArmor, "docker-default"}, Module{selinux, "container_t"}
	mine := Module{appArmor, "mine"}
	silent := observation.Ruling{Known: true, Silent: true}
	for _, c := range []struct {
		name     string
		op       observation.Operation
		under    Module
		refusals []observation.Refusal
		ruling   observation.Ruling
		want     *Refuser // nil for none
		denial   bool     // a capability explains it
		words    string
	}{
		{name: "by the policy", op: mount, under: profile, ruling: silent, want: &Refuser{Module: profile, ShownBy: ByPolicy}, words: "AppArmor's profile docker-default refuses it whatever the capabilities, and by a deny rule"},
		{name: "not by the policy", op: mount, under: profile, ruling: observation.Ruling{Known: true, Allowed: true}},
		{name: "perhaps", op: mount, under: profile, want: &Refuser{Module: profile}, words: "AppArmor's profile docker-default, or the program's own Landlock rules"},
		{name: "nothing confines it", op: mount},
		{
			name: "a mount with a record", op: mount, under: mine, refusals: []observation.Refusal{record("mount", "mount", "/mnt")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"}, words: "dmesg has the record: the record; a profile of AppArmor that allows the rule",
		},
		{
			name: "ptrace", op: call("ptrace", unix.EACCES, observation.Object{}), under: profile, refusals: []observation.Refusal{record("ptrace", "ptrace", "")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"},
		},
		{
			// mm/process_vm_access.c makes EPERM of it.
			name: "another's memory", op: call("process_vm_readv", unix.EPERM, observation.Object{}), under: profile, refusals: []observation.Refusal{record("ptrace", "ptrace", "")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"},
		},
		{
			name: "a signal", op: call("kill", unix.EACCES, observation.Object{}), under: profile, refusals: []observation.Refusal{record("signal", "signal", "")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"},
		},
		{name: "a signal that the kernel refuses", op: call("kill", unix.EPERM, observation.Object{}), under: profile, refusals: []observation.Refusal{record("signal", "signal", "")}},
		{name: "another process's record", op: call("ptrace", unix.EACCES, observation.Object{}), under: profile, refusals: []observation.Refusal{ofAnother}, want: &Refuser{Module: profile}},
		{
			name: "a file with a record", op: call("openat", unix.EACCES, observation.Object{Path: "/srv//x"}), under: profile, refusals: []observation.Refusal{record("open", "file", "/srv/x")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"},
		},
		{
			name: "a relative name", op: call("openat", unix.EACCES, observation.Object{Path: "x"}), under: profile, refusals: []observation.Refusal{record("open", "file", "/srv/x")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"},
		},
		{
			name: "the end of a link", op: call("openat", unix.EACCES, observation.Object{Path: "/link"}), under: profile, refusals: []observation.Refusal{record("open", "file", "/srv/x")},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "the rule"},
		},
		{name: "another file, for want of a capability", op: call("openat", unix.EACCES, observation.Object{Path: "/root/y"}, searched), under: profile, refusals: []observation.Refusal{record("open", "file", "/srv/x")}, denial: true},
		{
			name: "a capability that the profile lacks", op: call("mount", unix.EPERM, observation.Object{Path: "none", SecondPath: "/mnt"}, may), under: mine, refusals: []observation.Refusal{capable},
			want: &Refuser{Module: mine, ShownBy: ByLog, Record: "the record", Rule: "capability sys_admin"}, words: "refuses the capability (sys_admin), which the container has",
		},
		{name: "a capability that was not asked for", op: call("setuid", unix.EPERM, observation.Object{}, denied(capability.SetUID, "ns_capable_setid", "__sys_setuid")), under: mine, refusals: []observation.Refusal{capable}, denial: true},
		// AppArmor has no say in these.
		{name: "attributes", op: call("setxattr", unix.EACCES, observation.Object{Path: "/x"}), under: profile},
		{name: "an immutable file", op: call("openat", unix.EPERM, observation.Object{Path: "/x"}), under: profile},
		{name: "a BPF program", op: call("bpf", unix.EACCES, observation.Object{}), under: profile},
		{name: "a read-only file system", op: call("openat", unix.EROFS, observation.Object{Path: "/sys/x"}), under: profile},
		// SELinux has in all of it, and says EACCES.
		{name: "attributes under SELinux", op: call("setxattr", unix.EACCES, observation.Object{Path: "/x"}), under: container, want: &Refuser{Module: container}, words: "SELinux's domain container_t"},
		{name: "an immutable file under SELinux", op: call("openat", unix.EPERM, observation.Object{Path: "/x"}), under: container},
		{
			name: "SELinux with a record", op: call("openat", unix.EACCES, observation.Object{Path: "/srv/x"}), under: container, refusals: []observation.Refusal{domain},
			want: &Refuser{Module: container, ShownBy: ByLog, Record: "the record", Rule: "allow container_t user_home_t:file { read }"}, words: ":z on the volume",
		},
		{name: "another file under SELinux", op: call("openat", unix.EACCES, observation.Object{Path: "/root/y"}, searched), under: container, refusals: []observation.Refusal{domain}, denial: true},
		{
			name: "one of several", op: call("kill", unix.EACCES, observation.Object{}), under: container, refusals: []observation.Refusal{domain, mounted, signalled},
			want: &Refuser{Module: container, ShownBy: ByLog, Record: "the record", Rule: domain.Rule},
		},
		{name: "a call that makes none of them", op: call("ptrace", unix.EACCES, observation.Object{}), under: container, refusals: []observation.Refusal{domain, mounted, signalled}, want: &Refuser{Module: container}},
		{
			name: "a mount under SELinux", op: mount, under: container, refusals: []observation.Refusal{signalled, mounted},
			want: &Refuser{Module: container, ShownBy: ByLog, Record: "the record", Rule: domain.Rule},
		},
	} {
		env := onDocker(Environment{ModuleLog: "dmesg", Ruling: func(m Module, _ observation.Access) observation.Ruling {
			if m != c.under {
				t.Errorf("%s: asked about %+v", c.name, m)
			}
			return c.ruling
		}})
		if c.under != (Module{}) {
			env.Modules = []Module{c.under}
		}
		r := Map(observation.Observation{Operations: []observation.Operation{c.op}, Refusals: c.refusals}, env)
		if c.denial {
			if len(r.Denials) != 1 || len(r.Failures) != 0 {
				t.Errorf("%s: %+v", c.name, r)
			}
			continue
		}
		if len(r.Failures) != 1 || len(r.Denials) != 0 {
			t.Errorf("%s: %+v", c.name, r)
			continue
		}
		f := r.Failures[0]
		if c.want == nil && f.Refuser != nil || c.want != nil && (f.Refuser == nil || *f.Refuser != *c.want) {
			t.Errorf("%s: refused by %+v, want %+v", c.name, f.Refuser, c.want)
		}
		if said := f.Cause + "; " + advice.Sentence(f.Remedies, advice.Docker); !strings.Contains(said, c.words) {
			t.Errorf("%s: %s", c.name, said)
		}
		want := Obstacle{}
		if c.want != nil {
			want = Obstacle{Kind: SecurityModule, Module: c.want.Name, Certain: c.want.ShownBy != ""}
			if !f.hasRemedy(remedy.SecurityModule) && want.Certain {
				t.Errorf("%s: no remedy of the module's", c.name)
			}
		}
		if c.op.Errno != unix.EROFS && f.Obstacle != want {
			t.Errorf("%s: %+v, want %+v", c.name, f.Obstacle, want)
		}
	}
}

func (f Failure) hasRemedy(kind remedy.Kind) bool {
	for _, r := range f.Remedies {
		if r.Kind == kind {
			return true
		}
	}
	return false
}

// A policy is asked about what is known whole.
func TestWhatAPolicyIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		op   observation.Operation
		want observation.Access // the zero value for no question
	}{
		"a mount": {
			observation.Operation{Syscall: "mount", Args: [6]uint64{3: unix.MS_NOSUID}, Object: observation.Object{Path: "none", SecondPath: "/mnt/"}},
			observation.Access{Kind: observation.MountAccess, Path: "/mnt", Source: "none", Flags: unix.MS_NOSUID},
		},
		"a mount at a relative path":  {op: observation.Operation{Syscall: "mount", Object: observation.Object{Path: "none", SecondPath: "mnt"}}},
		"a bind of a relative source": {op: observation.Operation{Syscall: "mount", Args: [6]uint64{3: unix.MS_BIND}, Object: observation.Object{Path: "a", SecondPath: "/mnt"}}},
		"an unmount":                  {observation.Operation{Syscall: "umount2", Object: observation.Object{Path: "/mnt"}}, observation.Access{Kind: observation.UnmountAccess, Path: "/mnt"}},
		"a file to be read":           {observation.Operation{Syscall: "openat", Object: observation.Object{Path: "/x"}}, observation.Access{Kind: observation.FileAccess, Path: "/x", Read: true}},
		"a file to be cut": {
			observation.Operation{Syscall: "openat", Args: [6]uint64{2: unix.O_TRUNC}, Object: observation.Object{Path: "/x"}},
			observation.Access{Kind: observation.FileAccess, Path: "/x", Read: true, Write: true},
		},
		"a file to be written":     {observation.Operation{Syscall: "creat", Object: observation.Object{Path: "/x"}}, observation.Access{Kind: observation.FileAccess, Path: "/x", Write: true}},
		"a program":                {observation.Operation{Syscall: "execve", Object: observation.Object{Path: "/x"}}, observation.Access{Kind: observation.FileAccess, Path: "/x", Execute: true}},
		"a descriptor of a path":   {op: observation.Operation{Syscall: "openat", Args: [6]uint64{2: unix.O_PATH}, Object: observation.Object{Path: "/x"}}},
		"flags that are not known": {op: observation.Operation{Syscall: "openat2", Object: observation.Object{Path: "/x"}}},
		"what has no question":     {op: observation.Operation{Syscall: "ptrace"}},
		"a file without a name":    {op: observation.Operation{Syscall: "openat"}},
	} {
		if got, ok := accessOf(c.op); ok != (c.want != observation.Access{}) || ok && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}
