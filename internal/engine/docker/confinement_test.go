package docker

import (
	"slices"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

func TestConfinedBy(t *testing.T) {
	for name, c := range map[string]struct {
		profile, label string
		want           []engine.Confinement
	}{
		"Docker with AppArmor":     {profile: "docker-default", want: []engine.Confinement{{Module: engine.AppArmor, Label: "docker-default"}}},
		"Podman with AppArmor":     {profile: "containers-default-0.62.2", want: []engine.Confinement{{Module: engine.AppArmor, Label: "containers-default-0.62.2"}}},
		"with apparmor=unconfined": {profile: "unconfined"},
		"with SELinux":             {label: "system_u:system_r:container_t:s0:c24,c899", want: []engine.Confinement{{Module: engine.SELinux, Label: "container_t"}}},
		"with label=disable":       {},
	} {
		if got := confinedBy(container.ContainerJSONBase{AppArmorProfile: c.profile, ProcessLabel: c.label}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
