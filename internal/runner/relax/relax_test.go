package relax

import (
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

func device(path string) workload.Setting { return workload.Setting{Name: "device", Value: path} }

func TestSortIsByDanger(t *testing.T) {
	sysPower := workload.Setting{Name: "volume", Value: "/sys/power:/sys/power"}
	rule := workload.Setting{Name: "device-cgroup-rule", Value: "c 10:229 rwm"}
	sysctl := workload.Setting{Name: "sysctl", Value: "net.ipv4.ip_forward=1"}
	got := Sort([]workload.Setting{allDevices, wholeSys, writeCgroups, sysPower, anyDeviceNode, rule, sysctl, device("/dev/net/tun"), device("/dev/fuse"), device("/dev/fuse")})
	want := []workload.Setting{sysctl, device("/dev/fuse"), device("/dev/net/tun"), rule, sysPower, writeCgroups, wholeSys, anyDeviceNode, allDevices}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEveryEntrySaysWhatItIs(t *testing.T) {
	for i, entry := range table {
		if entry.Allows == "" || entry.Danger == "" {
			t.Errorf("%s says too little", entry.option)
		}
		o := entry.option
		if entry.prefix {
			o.Value += "x"
		}
		if found, rank := Find(o); found != entry || rank != i {
			t.Errorf("%s is found as %s, rank %d", o, found.option, rank)
		}
	}
	if _, rank := Find(workload.Setting{Name: "user", Value: "0"}); rank != len(table) {
		t.Error("a user is no relaxation")
	}
}

var facts = engine.Facts{
	Devices: []string{"/dev/fuse", "/dev/net/tun", "/dev/net/tap", "/dev/vda"}, SecurityModules: []engine.SecurityModule{engine.AppArmor},
	Seccomp: engine.Seccomp{Name: "default"},
}

func TestAllLeavesTheUsersOptionsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		own   []workload.Setting
		facts engine.Facts
		lacks []workload.Setting
		has   []workload.Setting
	}{
		"no options":             {facts: facts, has: []workload.Setting{hostCgroups, allDevices, noSeccomp, noAppArmor, openPaths, wholeSys}, lacks: []workload.Setting{noSELinux}},
		"no seccomp, no modules": {facts: engine.Facts{Seccomp: engine.Seccomp{Name: engine.Unconfined}}, lacks: []workload.Setting{noSeccomp, noAppArmor, noSELinux}},
		"cgroupns":               {facts: facts, own: []workload.Setting{{Name: "cgroupns", Value: "private"}}, lacks: []workload.Setting{hostCgroups}},
		"a seccomp profile":      {facts: facts, own: []workload.Setting{{Name: "security-opt", Value: "seccomp=unconfined"}}, lacks: []workload.Setting{noSeccomp}, has: []workload.Setting{noAppArmor}},
		"/sys as the target":     {facts: facts, own: []workload.Setting{{Name: "volume", Value: "/elsewhere:/sys"}}, lacks: []workload.Setting{wholeSys}, has: []workload.Setting{writeCgroups}},
		"/sys as the source":     {facts: facts, own: []workload.Setting{{Name: "volume", Value: "/sys:/hostsys"}}, has: []workload.Setting{wholeSys, writeCgroups}},
		"a tmpfs on /sys":        {facts: facts, own: []workload.Setting{{Name: "tmpfs", Value: "/sys"}}, lacks: []workload.Setting{wholeSys}},
	} {
		t.Run(name, func(t *testing.T) {
			all := For(c.facts, workload.Options{}.With(c.own...)).All()
			for _, o := range c.has {
				if !slices.Contains(all, o) {
					t.Errorf("no %s in %v", o, all)
				}
			}
			for _, o := range c.lacks {
				if slices.Contains(all, o) {
					t.Errorf("%s in %v", o, all)
				}
			}
		})
	}
}

func TestForAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		obstacle mapper.Obstacle
		want     []workload.Setting
		guess    bool
	}{
		"nothing":                     {},
		"a device":                    {obstacle: mapper.Obstacle{Kind: mapper.NoDevice, Path: "/dev/fuse"}, want: []workload.Setting{device("/dev/fuse")}},
		"a device that is nowhere":    {obstacle: mapper.Obstacle{Kind: mapper.NoDevice, Path: "/dev/kvm"}},
		"a node that it made":         {obstacle: mapper.Obstacle{Kind: mapper.NoDeviceRule, Path: "/tmp/fuse", Rule: "c 10:229"}, want: []workload.Setting{{Name: "device-cgroup-rule", Value: "c 10:229 rwm"}}},
		"a file of /sys":              {obstacle: mapper.Obstacle{Kind: mapper.ReadOnlySys, Path: "/sys/kernel/mm/ksm/run"}, want: []workload.Setting{{Name: "volume", Value: "/sys/kernel/mm/ksm:/sys/kernel/mm/ksm"}}},
		"a control group":             {obstacle: mapper.Obstacle{Kind: mapper.ReadOnlySys, Path: "/sys/fs/cgroup/a"}, want: []workload.Setting{hostCgroups, writeCgroups}},
		"a masked path":               {obstacle: mapper.Obstacle{Kind: mapper.SystemPath, Path: "/proc/kcore"}, want: []workload.Setting{openPaths}},
		"a sysctl of its own":         {obstacle: mapper.Obstacle{Kind: mapper.NamespacedSysctl, Sysctl: "net.ipv4.ip_forward"}, want: []workload.Setting{{Name: "sysctl", Value: "net.ipv4.ip_forward=1"}, openPaths}},
		"seccomp":                     {obstacle: mapper.Obstacle{Kind: mapper.SeccompProfile, Call: "keyctl"}, want: []workload.Setting{noSeccomp}},
		"perhaps the security module": {obstacle: mapper.Obstacle{Kind: mapper.SecurityModule, Module: "apparmor"}, want: []workload.Setting{noAppArmor}, guess: true},
		"AppArmor, which says so":     {obstacle: mapper.Obstacle{Kind: mapper.SecurityModule, Module: "apparmor", Certain: true}, want: []workload.Setting{noAppArmor}},
		"SELinux, which says so":      {obstacle: mapper.Obstacle{Kind: mapper.SecurityModule, Module: "selinux", Certain: true}, want: []workload.Setting{noSELinux}},
	} {
		options, likely := For(facts, workload.Options{}).For(mapper.Failure{Obstacle: c.obstacle})
		if !slices.Equal(options, c.want) || likely == c.guess {
			t.Errorf("%s: %v, %t", name, options, likely)
		}
	}
}

func TestNarrowerThanAllDevices(t *testing.T) {
	c := For(facts, workload.Options{})
	got := c.Narrower(allDevices)
	if want := []workload.Setting{device("/dev/fuse"), device("/dev/net"), device("/dev/vda")}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := c.Narrower(noSeccomp); got != nil {
		t.Errorf("%v", got)
	}
	if c.Danger(device("/dev/fuse")) >= c.Danger(allDevices) {
		t.Error("one device is as dangerous as all")
	}
}
