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
	got := mountsOf(engine.Info{StorageDriver: "fuse-overlayfs"}, workload.Spec{Options: workload.Options{}.Set("read-only", "true").Set("volume", "/srv/data:/data:ro", "named:/var/lib/x/", "/anonymous", "/a:/b:z,readonly").Set("tmpfs", "/tmp", "/run:exec,size=1m", "/mnt:dev,ro")})
	want := []mapper.Mount{
		{Target: "/", Kind: "root file system", ReadOnly: true, NoDev: true},
		{Target: "/data", Kind: "volume", ReadOnly: true},
		{Target: "/var/lib/x", Kind: "volume"},
		{Target: "/anonymous", Kind: "volume"},
		{Target: "/b", Kind: "volume", ReadOnly: true},
		{Target: "/tmp", Kind: "tmpfs", NoExec: true, NoDev: true},
		{Target: "/run", Kind: "tmpfs", NoDev: true},
		{Target: "/mnt", Kind: "tmpfs", ReadOnly: true, NoExec: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What the kernel lacks it does not enforce; of another kernel nothing is known.
func TestHostSettings(t *testing.T) {
	if got := hostSettings(engine.Info{}); got != nil {
		t.Errorf("another kernel's settings: %v", got)
	}
	got := hostSettings(engine.Info{SameKernel: true})
	for _, name := range mapper.Settings {
		if _, known := got[name]; !known {
			t.Errorf("%s is unknown", name)
		}
	}
	if _, err := os.Stat("/proc/sys/fs/protected_symlinks"); err == nil && got["fs.protected_symlinks"] == "" {
		t.Errorf("read nothing: %v", got)
	}
}
