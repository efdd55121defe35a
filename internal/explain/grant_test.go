package explain

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
)

// TestGrantorsBySize: how many each engine is known to grant, and by which mask
// a container of it is recognised.
func TestGrantorsBySize(t *testing.T) {
	want := map[string]string{
		"Docker every version":     "00000000a80425fb",
		"Podman 4.5 and later":     "00000000800405fb",
		"Podman 4.4":               "00000000800005fb",
		"Podman 4.3 and earlier":   "00000000a80425fb",
		"containerd every version": "00000000a80425fb",
		"CRI-O 1.18 and later":     "00000000000005fb",
	}
	if len(want) != len(grantors) {
		t.Fatalf("%d rows, want %d", len(grantors), len(want))
	}
	for _, g := range grantors {
		if got := g.set.Mask(); got != want[g.engine+" "+g.versions] {
			t.Errorf("%s %s: %s, want %s", g.engine, g.versions, got, want[g.engine+" "+g.versions])
		}
		if g.source == "" {
			t.Errorf("%s %s has no source", g.engine, g.versions)
		}
	}
}

func TestWhoGrants(t *testing.T) {
	for _, tc := range []struct {
		c       capability.Cap
		by, not string
	}{
		{capability.Chown, "Docker, Podman, containerd, CRI-O 1.18 and later", "no engine"},
		{capability.NetRaw, "Docker, Podman 4.3 and earlier, containerd", "Podman 4.4 and later, CRI-O 1.18 and later"},
		{capability.SysChroot, "Docker, Podman 4.5 and later, Podman 4.3 and earlier, containerd", "Podman 4.4, CRI-O 1.18 and later"},
		{capability.NetAdmin, "no engine", "Docker, Podman, containerd, CRI-O 1.18 and later"},
	} {
		if by := whoGrants(grants(tc.c), true); by != tc.by {
			t.Errorf("%v: by %q, want %q", tc.c, by, tc.by)
		}
		if not := whoGrants(grants(tc.c), false); not != tc.not {
			t.Errorf("%v: not by %q, want %q", tc.c, not, tc.not)
		}
	}
}

func TestPodSecurity(t *testing.T) {
	for _, tc := range []struct {
		c                    capability.Cap
		baseline, restricted string
	}{
		{capability.NetBindService, "may be added", "must be dropped (drop: [ALL]), and may be added back"},
		{capability.Chown, "may be added", "must be dropped (drop: [ALL]), and may not be added"},
		{capability.NetRaw, "may not be added, and stays where the runtime grants it by default", "must be dropped (drop: [ALL]), and may not be added"},
		{capability.SysAdmin, "may not be added", "must be dropped (drop: [ALL]), and may not be added"},
	} {
		levels := podSecurity(tc.c)
		if levels[1].Rule != tc.baseline || levels[2].Rule != tc.restricted || levels[1].Source == "" {
			t.Errorf("%v: %+v", tc.c, levels)
		}
	}
	if baselineAdds.Len() != 13 || !capability.DockerDefault.Contains(baselineAdds) {
		t.Errorf("baseline lets a pod add %v", baselineAdds)
	}
}
