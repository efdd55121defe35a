package docker

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/system"

	"github.com/capprof/capprof/internal/testengine"
)

func TestRootUID(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "d.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	own := uint32(os.Geteuid())
	if own == 0 {
		own = 1234
		if err := os.Chown(socket, int(own), -1); err != nil {
			t.Fatal(err)
		}
	}
	remapped := []string{"name=seccomp,profile=default", "name=userns"}
	for name, test := range map[string]struct {
		info system.Info
		want uint32
	}{
		"not remapped":              {system.Info{SecurityOptions: remapped[:1], DockerRootDir: "/srv/100000.100000"}, 0},
		"remapped":                  {system.Info{SecurityOptions: remapped, DockerRootDir: "/var/lib/docker/100000.165536"}, 100000},
		"remapped, in an odd place": {system.Info{SecurityOptions: remapped, DockerRootDir: "/var/lib/docker"}, 0},
		"too great to be one":       {system.Info{SecurityOptions: remapped, DockerRootDir: "/var/lib/docker/5000000000.1"}, 0},
		"rootless":                  {system.Info{SecurityOptions: []string{"name=rootless", "name=cgroupns"}}, own},
	} {
		if got := rootUID(endpoint{host: "unix://" + socket}, test.info, parseSecurityOptions(test.info.SecurityOptions)); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// An engine that remaps users tells so, and the files of a container's root are
// those of the user that the engine is said to use.
func TestRootUIDOfAnEngineThatRemaps(t *testing.T) {
	engine := testengine.StartRemapped(t)
	e := engineAt(t, engine.Host)
	info, err := e.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.RootUID != testengine.RemappedRoot {
		t.Errorf("root is %d, want %d", info.RootUID, testengine.RemappedRoot)
	}
}
