package live

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/engine"
)

func TestConfinementOf(t *testing.T) {
	dockerDefault := engine.Confinement{Module: engine.AppArmor, Label: "docker-default"}
	domain := engine.Confinement{Module: engine.SELinux, Label: "container_t"}
	permissive := domain
	permissive.Permissive = true
	for name, c := range map[string]struct {
		files map[string]string
		want  []engine.Confinement
	}{
		"no module":                            {nil, nil},
		"AppArmor":                             {map[string]string{"current": "docker-default (enforce)\n", "apparmor/current": "docker-default (enforce)\n"}, []engine.Confinement{dockerDefault}},
		"a process that AppArmor leaves alone": {map[string]string{"current": "unconfined\n", "apparmor/current": "unconfined\n"}, nil},
		"SELinux":                              {map[string]string{"current": "system_u:system_r:container_t:s0:c1,c2\x00", "enforce": "1"}, []engine.Confinement{domain}},
		"permissive SELinux":                   {map[string]string{"current": "system_u:system_r:container_t:s0:c1,c2\x00", "enforce": "0"}, []engine.Confinement{permissive}},
		"both": {
			map[string]string{"current": "system_u:system_r:container_t:s0:c1,c2\x00", "enforce": "1", "apparmor/current": "docker-default (enforce)\n"},
			[]engine.Confinement{dockerDefault, domain},
		},
	} {
		dir := t.TempDir()
		for _, file := range slices.Sorted(maps.Keys(c.files)) {
			path := filepath.Join(dir, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(c.files[file]), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := confinementOf(dir, filepath.Join(dir, "enforce")); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
