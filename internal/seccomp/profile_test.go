package seccomp

import (
	"encoding/json"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// TestDefaultOpensWhatTheProfilesSay compares the profile with the capability
// rules of moby's default.json at several versions: testdata/opens.json maps an
// engine version to the calls that need a capability and those that would do.
func TestDefaultOpensWhatTheProfilesSay(t *testing.T) {
	data, err := os.ReadFile("testdata/opens.json")
	if err != nil {
		t.Fatal(err)
	}
	var versions map[string]map[string][]capability.Cap
	if err := json.Unmarshal(data, &versions); err != nil {
		t.Fatal(err)
	}
	if len(versions) < 4 {
		t.Fatalf("%d versions in the test data", len(versions))
	}
	for version, calls := range versions {
		t.Run(version, func(t *testing.T) {
			g := Default(version)
			for name, opens := range calls {
				call := Call{Arch: "amd64", Name: name, Args: [6]uint64{unix.CLONE_NEWUSER}}
				v := g.Judge(call, 0)
				if !v.Refused || capability.Of(v.AllowedWith...) != capability.Of(opens...) {
					t.Errorf("%s: refused %v, opened by %v; want %v", name, v.Refused, v.AllowedWith, opens)
				}
				if wantENOSYS := name == "clone3"; v.Fallback != wantENOSYS || (v.Errno == syscall.ENOSYS) != wantENOSYS {
					t.Errorf("%s: errno %v, fallback %v", name, v.Errno, v.Fallback)
				}
				for _, c := range opens {
					if v := g.Judge(call, capability.Of(c)); v.Refused {
						t.Errorf("%s is refused although %v was granted", name, c)
					}
				}
				if !slices.IsSortedFunc(v.AllowedWith, func(a, b capability.Cap) int { return capability.Danger(a) - capability.Danger(b) }) {
					t.Errorf("%s: %v does not begin with the least dangerous", name, v.AllowedWith)
				}
			}
		})
	}
}

func TestDefaultLooksAtArguments(t *testing.T) {
	admin := []capability.Cap{capability.SysAdmin}
	for _, c := range []struct {
		name    string
		call    Call
		refused bool
		opens   []capability.Cap
	}{
		{"a thread", Call{Name: "clone", Args: [6]uint64{unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_THREAD}}, false, nil},
		{"a fork", Call{Name: "clone", Args: [6]uint64{uint64(unix.SIGCHLD)}}, false, nil},
		{"a clone into a user namespace", Call{Name: "clone", Args: [6]uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}}, true, admin},
		{"a clone into a network namespace", Call{Name: "clone", Args: [6]uint64{unix.CLONE_NEWNET}}, true, admin},
		{"clone3 whatever its flags", Call{Name: "clone3"}, true, admin},
		{"personality of Linux", Call{Name: "personality", Args: [6]uint64{0}}, false, nil},
		{"asking for the personality", Call{Name: "personality", Args: [6]uint64{0xffffffff}}, false, nil},
		{"address space without randomisation", Call{Name: "personality", Args: [6]uint64{0x0040000}}, true, nil},
		{"an internet socket", Call{Name: "socket", Args: [6]uint64{unix.AF_INET, unix.SOCK_STREAM}}, false, nil},
		{"a netlink socket", Call{Name: "socket", Args: [6]uint64{unix.AF_NETLINK}}, false, nil},
		{"a vsock socket", Call{Name: "socket", Args: [6]uint64{unix.AF_VSOCK}}, true, nil},
		{"a kernel crypto socket", Call{Name: "socket", Args: [6]uint64{unix.AF_ALG}}, true, nil},
		{"keyrings", Call{Name: "keyctl"}, true, nil},
		{"pivot_root", Call{Name: "pivot_root"}, true, nil},
		{"move_pages", Call{Name: "move_pages"}, true, nil},
		{"io_uring", Call{Name: "io_uring_setup"}, true, nil},
		{"a call that nobody knows", Call{Name: "syscall_999"}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.call.Arch = "amd64"
			v := Default("").Judge(c.call, 0)
			if v.Refused != c.refused || !slices.Equal(v.AllowedWith, c.opens) {
				t.Fatalf("refused %v, opened by %v; want %v and %v", v.Refused, v.AllowedWith, c.refused, c.opens)
			}
		})
	}
}

func TestJudgeNamesWhatIsMissing(t *testing.T) {
	g := Default("")
	v := g.Judge(Call{Arch: "amd64", Name: "syslog"}, 0)
	if !slices.Equal(v.AllowedWith, []capability.Cap{capability.Syslog, capability.SysAdmin}) {
		t.Fatalf("syslog is opened by %v", v.AllowedWith)
	}
	v = g.Judge(Call{Arch: "amd64", Name: "chroot"}, capability.Of(capability.Chown, capability.SysAdmin))
	if !slices.Equal(v.AllowedWith, []capability.Cap{capability.SysChroot}) {
		t.Fatalf("chroot is opened by %v", v.AllowedWith)
	}
}

// Where the version is unknown, a refusal that the newest profile does not
// explain is looked up in the older ones; where it is known, it is not theirs.
func TestOlderRulesExplainWhatTheNewestDoesNot(t *testing.T) {
	call := Call{Arch: "amd64", Name: "name_to_handle_at"}
	for version, opens := range map[string][]capability.Cap{
		"": {capability.SysAdmin}, "dev": {capability.SysAdmin}, "23.0.6": {capability.SysAdmin}, "29.1.0": nil,
	} {
		v := Default(version).Judge(call, 0)
		if v.Refused != (opens != nil) || !slices.Equal(v.AllowedWith, opens) {
			t.Errorf("engine %q: %+v, want %v", version, v, opens)
		}
	}
	if v := Default("20.10.24+dfsg1").Judge(call, capability.Of(capability.SysAdmin)); v.Refused {
		t.Errorf("refused although what opened it was granted: %+v", v)
	}
	if v := Default("20.10.24+dfsg1").Judge(Call{Arch: "amd64", Name: "fchmodat2"}, 0); !v.Refused || v.AllowedWith != nil {
		t.Errorf("a call that the profile does not know: %+v", v)
	}
}

func TestParse(t *testing.T) {
	g, err := Parse([]byte(`{
		"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [
			{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "excludes": {"caps": ["CAP_CHOWN"]}},
			{"name": "ptrace", "action": "SCMP_ACT_ERRNO", "args": [
				{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 17, "op": "SCMP_CMP_EQ"}]},
			{"names": ["prctl"], "action": "SCMP_ACT_ERRNO", "args": [
				{"index": 0, "value": 47, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]}
		]}`))
	if err != nil {
		t.Fatal(err)
	}
	v := g.Judge(Call{Name: "mkdir"}, 0)
	if !v.Refused || v.Errno != syscall.EACCES || !slices.Equal(v.AllowedWith, []capability.Cap{capability.Chown}) {
		t.Errorf("a rule that a capability excludes: %+v", v)
	}
	for _, c := range []struct {
		call    Call
		refused bool
	}{
		{Call{Name: "read"}, false},
		// runc takes conditions on one argument as alternatives, on several as all.
		{Call{Name: "ptrace", Args: [6]uint64{17}}, true},
		{Call{Name: "ptrace", Args: [6]uint64{18}}, false},
		{Call{Name: "prctl", Args: [6]uint64{47, 2}}, true},
		{Call{Name: "prctl", Args: [6]uint64{47, 3}}, false},
		{Call{Name: "prctl", Args: [6]uint64{0, 2}}, false},
	} {
		if v := g.Judge(c.call, 0); v.Refused != c.refused || v.AllowedWith != nil {
			t.Errorf("%s%v: %+v", c.call.Name, c.call.Args, v)
		}
	}
	off, err := Parse([]byte(`{}`))
	if err != nil || off.Judge(Call{Name: "reboot"}, 0).Refused {
		t.Errorf("an empty profile switches seccomp off: %v", err)
	}
	if (*Profile)(nil).Judge(Call{Name: "reboot"}, 0).Refused {
		t.Error("no profile refuses")
	}
}

func TestParseRefusesUnfitProfiles(t *testing.T) {
	for name, profile := range map[string]string{
		"no JSON":             `seccomp`,
		"null rule":           `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[null]}`,
		"unknown action":      `{"defaultAction":"SCMP_ACT_MAYBE","syscalls":[]}`,
		"unknown rule action": `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"ALLOW"}]}`,
		"unknown operator":    `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"op":"="}]}]}`,
		"argument beyond six": `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}`,
		"unknown capability":  `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_NOPE"]}}]}`,
		"name and names":      `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"name":"read","names":["write"],"action":"SCMP_ACT_ALLOW"}]}`,
	} {
		if _, err := Parse([]byte(profile)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestForeignCallingConventionEndsTheProcess(t *testing.T) {
	g, err := Parse([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_AARCH64"],
		"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if v := g.Judge(Call{Arch: "riscv64", Name: "read"}, 0); !v.Refused || v.Errno != 0 || v.AllowedWith != nil {
		t.Errorf("a foreign convention: %+v", v)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if v := g.Judge(Call{Arch: arch, Name: "read"}, 0); v.Refused {
			t.Errorf("%s: %+v", arch, v)
		}
	}
}

func TestJudgeIsSafeForConcurrentUse(t *testing.T) {
	g := Default("")
	var wg sync.WaitGroup
	for c := range capability.Known().All() {
		wg.Go(func() {
			if v := g.Judge(Call{Arch: "amd64", Name: "mount"}, capability.Of(c)); v.Refused == (c == capability.SysAdmin) {
				t.Errorf("mount under %v: %+v", c, v)
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":2,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]}`), "read", uint64(2))
	f.Add([]byte(`{"syscalls":[{"name":"read","includes":{"caps":["CAP_CHOWN"],"minKernel":"4.8"}}]}`), "read", uint64(0))
	f.Add([]byte(`{"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}]}`), "x", uint64(0))
	f.Fuzz(func(t *testing.T, profile []byte, name string, arg uint64) {
		g, err := Parse(profile)
		if err != nil {
			return
		}
		call := Call{Name: name, Args: [6]uint64{arg, arg}}
		v := g.Judge(call, 0)
		if !v.Refused && len(v.AllowedWith) > 0 {
			t.Fatalf("%+v opens what is open", v)
		}
		for _, c := range v.AllowedWith {
			if g.Judge(call, capability.Of(c)).Refused {
				t.Fatalf("%v does not open %s", c, name)
			}
		}
	})
}
