package runner

import (
	"os"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

func TestMountsOfAWorkload(t *testing.T) {
	got := mountsOf(engine.Facts{RootNoDev: true, Mounts: []engine.Mount{{Target: "/proc", NoExec: true, NoDev: true}}}, workload.Spec{Options: workload.Options{}.Set("read-only", "true").Set("volume", "/srv/data:/data:ro", "named:/var/lib/x/", "/anonymous", "/a:/b:z,readonly").Set("tmpfs", "/tmp", "/run:exec,size=1m", "/mnt:dev,ro")})
	want := []mapper.Mount{
		{Target: "/", Kind: mapper.RootFS, ReadOnly: true, NoDev: true},
		{Target: "/proc", NoExec: true, NoDev: true},
		{Target: "/data", Kind: mapper.Bind, ReadOnly: true},
		{Target: "/var/lib/x", Kind: mapper.Volume},
		{Target: "/anonymous", Kind: mapper.Volume},
		{Target: "/b", Kind: mapper.Bind, ReadOnly: true},
		{Target: "/tmp", Kind: mapper.Tmpfs, NoExec: true, NoDev: true},
		{Target: "/run", Kind: mapper.Tmpfs, NoDev: true},
		{Target: "/mnt", Kind: mapper.Tmpfs, ReadOnly: true, NoExec: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What the kernel lacks it does not enforce; of another kernel nothing is known.
func TestHostSettings(t *testing.T) {
	if got := hostSettings(engine.Facts{}); got != nil {
		t.Errorf("another kernel's settings: %v", got)
	}
	got := hostSettings(engine.Facts{SameKernel: true})
	for _, name := range mapper.Settings {
		if _, known := got[name]; !known {
			t.Errorf("%s is unknown", name)
		}
	}
	if _, err := os.Stat("/proc/sys/fs/protected_symlinks"); err == nil && got["fs.protected_symlinks"] == "" {
		t.Errorf("read nothing: %v", got)
	}
}
