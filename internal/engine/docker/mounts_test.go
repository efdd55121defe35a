package docker

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// TestMounts: what a request and an image mount, and the request in which all of it is
// replaced.
func TestMounts(t *testing.T) {
	config := &container.Config{Volumes: map[string]struct{}{"/anonymous/": {}, "/covered": {}}}
	host := &container.HostConfig{
		Binds: []string{"data:/v:ro,z", "/srv/a:/a", "data:/again/", "not a volume"},
		Mounts: []mount.Mount{
			{Type: mount.TypeVolume, Source: "more", Target: "/more", VolumeOptions: &mount.VolumeOptions{
				NoCopy: true, Subpath: "part", DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{"type": "tmpfs"}},
			}},
			{Type: mount.TypeVolume, Target: "/nameless"},
			{Type: mount.TypeBind, Source: "/srv/b", Target: "/b", ReadOnly: true, BindOptions: &mount.BindOptions{Propagation: mount.PropagationRSlave}},
			{Type: mount.TypeTmpfs, Target: "/covered"},
		},
		Tmpfs: map[string]string{"/memory/": ""},
	}
	all := mountsOf(config, host, []string{"/image", "/memory", "/a/"})
	want := []mounted{
		{kind: mount.TypeVolume, target: "/v", source: "data", readOnly: true, makesSource: true},
		{kind: mount.TypeBind, target: "/a", source: "/srv/a", makesSource: true},
		{kind: mount.TypeVolume, target: "/again", source: "data", makesSource: true},
		{kind: mount.TypeVolume, target: "/more", source: "more", driver: "local", options: map[string]string{"type": "tmpfs"}, subpath: "part"},
		{kind: mount.TypeVolume, target: "/nameless"},
		{kind: mount.TypeBind, target: "/b", source: "/srv/b", readOnly: true},
		{kind: mount.TypeVolume, target: "/anonymous", bind: "/anonymous"},
		{kind: mount.TypeVolume, target: "/image", bind: "/image"},
	}
	if !reflect.DeepEqual(all, want) {
		t.Fatalf("got\n%+v\nwant\n%+v", all, want)
	}

	var replacements []replacement
	for i, m := range all {
		replacements = append(replacements, replacement{m, fmt.Sprintf("new-%d", i)})
	}
	apply(replacements, nil, config, host)
	if want := []string{"new-0:/v:ro,z", "new-1:/a", "new-2:/again/", "not a volume", "new-6:/anonymous", "new-7:/image"}; !slices.Equal(host.Binds, want) {
		t.Errorf("binds %q, want %q", host.Binds, want)
	}
	if left := slices.Collect(maps.Keys(config.Volumes)); !slices.Equal(left, []string{"/covered"}) {
		t.Errorf("anonymous volumes %q", left)
	}
	var sources []string
	for _, m := range host.Mounts {
		sources = append(sources, m.Source)
	}
	if want := []string{"new-3", "new-4", "new-5", ""}; !slices.Equal(sources, want) {
		t.Errorf("mounts of %q, want %q", sources, want)
	}
	if o := host.Mounts[0].VolumeOptions; !o.NoCopy || o.Subpath != "part" || o.DriverConfig != nil {
		t.Errorf("options %+v", o)
	}
	if host.Mounts[2].BindOptions.Propagation != mount.PropagationRSlave {
		t.Errorf("options %+v", host.Mounts[2].BindOptions)
	}
}

// TestVolumesFrom: what another container hands on is mounted like the workload's own,
// with the same policy.
func TestVolumesFrom(t *testing.T) {
	donor := `{"Id": "1", "Mounts": [
		{"Type": "volume", "Name": "db", "Driver": "local", "Destination": "/db", "RW": true},
		{"Type": "volume", "Name": "certs", "Driver": "local", "Destination": "/certs", "RW": false},
		{"Type": "volume", "Name": "mine", "Driver": "local", "Destination": "/mine", "RW": true},
		{"Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": true},
		{"Type": "tmpfs", "Destination": "/memory", "RW": true}]}`
	made := 0
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/donor/json": answers(donor),
		"GET /v1.41/volumes/{name}":        answers(`{"Driver": "local"}`),
		"POST /v1.41/volumes/create": func(w http.ResponseWriter, _ *http.Request) {
			made++
			_, _ = fmt.Fprintf(w, `{"Name": "new-%d"}`, made)
		},
		"GET /v1.41/info":    answers(`{}`),
		"GET /v1.41/version": answers(`{}`),
	})
	all, err := volumes{e}.donated(t.Context(), "donor:z")
	if err != nil {
		t.Fatal(err)
	}
	s := &substitution{Data: &Data{engine: e}, options: engine.DataOptions{Policy: workload.FreshData}, mounts: all, made: map[string]string{}, trees: map[string]string{}}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	host := &container.HostConfig{VolumesFrom: []string{"donor:z"}}
	apply(s.replacements, []string{"donor:z"}, &container.Config{}, host)
	slices.Sort(host.Binds)
	if want := []string{"/srv:/srv", "certs:/certs:ro", "new-1:/db", "new-2:/mine"}; !slices.Equal(host.Binds, want) || len(host.VolumesFrom) > 0 {
		t.Errorf("binds %q, want %q; volumes from %q", host.Binds, want, host.VolumesFrom)
	}
	for _, m := range donated("donor:ro", []container.MountPoint{{Type: mount.TypeVolume, Name: "db", Destination: "/db", RW: true}}) {
		if !m.readOnly || m.bind != "/db:ro" || m.from != "donor" {
			t.Errorf("read-only: %+v", m)
		}
	}
}
