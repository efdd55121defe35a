package docker

import (
	"os"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/enginetest"
	"github.com/capprof/capprof/internal/owner/ownertest"
	"github.com/capprof/capprof/internal/testengine"
)

func TestContract(t *testing.T) {
	m := suite(t)
	probe := newEngine(t)
	open := func(t testing.TB) *Engine {
		e, err := connect(m.Host, noEnvironment)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	about, err := probe.whoIsIt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost := ""
	if about.kind == Podman {
		lost = "Podman looks for the target in the volume (podman libpod/container_path_resolution.go)"
	}
	enginetest.Run(t, enginetest.Setup{
		LostLinks: lost,
		Open:      func(t testing.TB) engine.Engine { return open(t) },
		Image:     m.image, Other: m.other, Service: m.service,
		// An engine of the suite's own is in a network namespace of its own.
		Reachable: os.Getenv(testengine.SuiteEnv) == "",
		Tag: func(t testing.TB, id, name string) {
			if err := probe.api.ImageTag(t.Context(), id, name); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if _, err := probe.api.ImageRemove(noCancel(t), name, image.RemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
					t.Error(err)
				}
			})
		},
		Orphan: func(t testing.TB) engine.Engine {
			e := open(t)
			e.owner = ownertest.Dead(t)
			return e
		},
		Exists: func(t testing.TB, id string) bool {
			_, err := probe.api.ContainerInspect(t.Context(), id)
			if err != nil && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
			return err == nil
		},
		Left: func(t testing.TB, e engine.Engine) []string {
			found, err := probe.api.ContainerList(t.Context(), container.ListOptions{
				All: true, Filters: filters.NewArgs(filters.Arg("label", sessionLabel+"="+e.(*Engine).session)),
			})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, c := range found {
				ids = append(ids, c.ID)
			}
			return ids
		},
	})
}
