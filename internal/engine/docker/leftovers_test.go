package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/owner"
	"github.com/capprof/capprof/internal/owner/ownertest"
)

// noCancel is the test's context for its clean-up, by when its own has ended.
func noCancel(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What is removed, by name, state and owner: a list of the engine's and the requests to
// remove that follow.
func TestWhichContainersAreLeftovers(t *testing.T) {
	self, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	dead := ownertest.Dead(t)
	words := strings.Split(self.String(), "/")
	words[1] = "an earlier boot"
	rebooted, err := owner.Parse(strings.Join(words, "/"))
	if err != nil {
		t.Fatal(err)
	}
	all := []struct {
		name, state string
		owner       owner.Owner
		removed     bool
	}{
		{"capprof-5e5510a0-1", "running", dead, true},
		{"capprof-5e5510a0-2", "created", dead, true},
		{"capprof-5e5510a0-3", "running", self, false},
		// docker commit copies labels into the image, and so into containers of it.
		{"my-database", "running", dead, false},
		{"capprof-notes", "exited", dead, false},
		{"capprof-5e5510a0-x", "exited", dead, false},
		{"capprof-another0-1", "exited", dead, false},
		// After a reboot, one that has processes was started by somebody.
		{"capprof-5e5510a0-4", "exited", rebooted, true},
		{"capprof-5e5510a0-5", "created", rebooted, true},
		{"capprof-5e5510a0-6", "dead", rebooted, true},
		{"capprof-5e5510a0-7", "running", rebooted, false},
		{"capprof-5e5510a0-8", "paused", rebooted, false},
		{"capprof-5e5510a0-9", "restarting", rebooted, false},
	}
	var list []container.Summary
	var want []string
	for i, c := range all {
		list = append(list, container.Summary{
			ID: fmt.Sprint(i), Names: []string{"/other/alias", "/" + c.name}, State: c.state,
			Labels: map[string]string{sessionLabel: "5e5510a0", ownerLabel: c.owner.String()},
		})
		if c.removed {
			want = append(want, c.name)
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var removed []string
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": answers(string(body)),
		"GET /v1.41/volumes":         answers(`{}`),
		"DELETE /v1.41/containers/{id}": func(w http.ResponseWriter, r *http.Request) {
			i, err := strconv.Atoi(r.PathValue("id"))
			if err != nil {
				t.Error(err)
			}
			removed = append(removed, all[i].name)
			w.WriteHeader(http.StatusNoContent)
		},
	})
	names, err := e.RemoveLeftovers(t.Context())
	slices.Sort(removed)
	slices.Sort(want)
	if err != nil || !slices.Equal(names, want) || !slices.Equal(removed, want) {
		t.Errorf("removed %q and said %q, %v; want %q", removed, names, err, want)
	}
}
