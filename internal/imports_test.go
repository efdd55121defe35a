// Package internal has no code of its own: this test holds its rooms apart.
package internal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/capprof/capprof"

// room is a package of ours and what it imports, tests left out.
type room struct {
	ImportPath string
	Imports    []string
}

func rooms(t *testing.T) []room {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []room
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var r room
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

// allowed lists, for each room, the rooms of ours that it may import. Arrows point
// one way: down this list.
var allowed = map[string][]string{
	"cmd/capprof":            {"internal/scenario", "internal/engine/docker", "internal/engine/host", "internal/engine/host/inside", "internal/engine", "internal/doctor", "internal/lsm", "internal/runner", "internal/runner/trial", "internal/tracer", "internal/observation", "internal/progress", "internal/export", "internal/report", "internal/drift", "internal/explain", "internal/profile", "internal/workload", "internal/capability", "internal/text"},
	"internal/doctor":        {"internal/engine", "internal/tracer", "internal/text"},
	"internal/engine/docker": {"internal/owner", "internal/live", "internal/scenario", "internal/engine", "internal/seccomp", "internal/workload", "internal/capability", "internal/copytree", "internal/text"},
	"internal/engine/host":   {"internal/systemd", "internal/engine/host/inside", "internal/owner", "internal/live", "internal/scenario", "internal/engine", "internal/workload", "internal/capability", "internal/copytree"},
	"internal/runner":        {"internal/scenario", "internal/runner/relax", "internal/runner/trial", "internal/runner/search", "internal/advice", "internal/callwords", "internal/grant", "internal/engine", "internal/workload", "internal/mapper", "internal/observation", "internal/sentence", "internal/profile", "internal/remedy", "internal/capability"},
	"internal/runner/relax":  {"internal/runner/search", "internal/engine", "internal/mapper", "internal/workload"},
	"internal/runner/trial":  {"internal/scenario", "internal/engine", "internal/observation", "internal/capability"},
	"internal/runner/search": {"internal/grant", "internal/mapper", "internal/observation", "internal/workload", "internal/capability"},
	"internal/lsm":           {"internal/engine", "internal/observation"},
	"internal/live":          {"internal/engine", "internal/scenario"},
	"internal/engine":        {"internal/scenario", "internal/workload", "internal/seccomp", "internal/capability"},
	"internal/grant":         {"internal/workload", "internal/capability"},
	"internal/workload":      {},
	"internal/progress":      {"internal/sentence", "internal/profile", "internal/text"},
	"internal/tracer":        {"internal/observation", "internal/scenario", "internal/syscalls", "internal/capability"},
	"internal/mapper":        {"internal/callwords", "internal/seccomp", "internal/remedy", "internal/observation", "internal/capability"},
	"internal/export":        {"internal/advice", "internal/remedy", "internal/sentence", "internal/profile", "internal/capability", "internal/text", "internal/workload"},
	"internal/report":        {"internal/workload", "internal/sentence", "internal/advice", "internal/profile", "internal/capability", "internal/text"},
	"internal/drift":         {"internal/sentence", "internal/grant", "internal/workload", "internal/profile", "internal/capability", "internal/text"},
	"internal/explain":       {"internal/scenario", "internal/sentence", "internal/grant", "internal/advice", "internal/profile", "internal/capability", "internal/text"},
	"internal/seccomp":       {"internal/capability", "internal/syscalls"},
	"internal/sentence":      {"internal/advice", "internal/scenario", "internal/profile", "internal/grant", "internal/workload", "internal/text", "internal/capability"},
	"internal/profile":       {"internal/scenario", "internal/profile/v1", "internal/grant", "internal/workload", "internal/remedy", "internal/capability", "internal/text"},
	"internal/profile/v1":    {"internal/workload", "internal/capability"},
	"internal/remedy":        {"internal/capability"},
	"internal/advice":        {"internal/remedy", "internal/text"},
	"internal/callwords":     {"internal/observation"},
	"internal/observation":   {"internal/scenario", "internal/capability"},
	"internal/scenario":      {},
	"internal/syscalls":      {},
	"internal/copytree":      {},
	"internal/owner":         {},
	"internal/systemd":       {"internal/capability"},
	"internal/text":          {},
	"internal/capability":    {},
	"profiles":               {},

	"internal/engine/host/inside": {"internal/capability"},
}

// testOnly are rooms that nothing but tests and tools of the house import.
var testOnly = []string{"internal/truth", "internal/demo", "internal/testengine", "internal/engine/enginetest", "internal/e2e", "internal/machines", "internal/kernels", "bench", "internal/profile/profiletest", "internal/owner/ownertest", "internal"}

// owned are third-party modules that one room alone touches.
var owned = map[string]string{
	"github.com/docker/docker/":       "internal/engine/docker",
	"github.com/syndtr/gocapability":  "internal/capability",
	"github.com/moby/profiles/":       "internal/seccomp",
	"github.com/cilium/ebpf":          "internal/tracer",
	"github.com/prometheus/procfs":    "internal/live",
	"github.com/spf13/pflag":          "cmd/capprof",
	"github.com/docker/cli/opts":      "internal/workload",
	"github.com/containerd/platforms": "internal/workload",
	"github.com/coreos/go-systemd":    "internal/systemd",
	"github.com/moby/sys/user":        "internal/engine/host",
	"github.com/moby/sys/mountinfo":   "internal/engine/host",
	"github.com/creack/pty":           "internal/engine/host",
}

func TestArrowsPointOneWay(t *testing.T) {
	for _, r := range rooms(t) {
		name := strings.TrimPrefix(r.ImportPath, module+"/")
		if isTestOnly(name) {
			continue
		}
		permitted, known := allowed[name]
		if !known {
			t.Errorf("%s is a new room: say in this test what it may import", name)
			continue
		}
		for _, imported := range r.Imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok && !slices.Contains(permitted, ours) {
				t.Errorf("%s imports %s", name, ours)
			}
		}
	}
}

func isTestOnly(name string) bool {
	return slices.ContainsFunc(testOnly, func(room string) bool {
		return name == room || room != "internal" && strings.HasPrefix(name, room+"/")
	})
}

func TestThirdPartiesHaveOneOwner(t *testing.T) {
	for _, r := range rooms(t) {
		name := strings.TrimPrefix(r.ImportPath, module+"/")
		for _, imported := range r.Imports {
			for prefix, owner := range owned {
				if strings.HasPrefix(imported, prefix) && name != owner && !isTestOnly(name) {
					t.Errorf("%s imports %s, which is %s's", name, imported, owner)
				}
			}
		}
	}
}

// TestNoCircles holds for the allowed arrows themselves, so that a change of the
// table cannot make one.
func TestNoCircles(t *testing.T) {
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		if slices.Contains(path, name) {
			t.Fatalf("a circle: %s", strings.Join(append(path, name), " -> "))
		}
		for _, next := range allowed[name] {
			visit(next, append(path, name))
		}
	}
	for name := range allowed {
		visit(name, nil)
	}
}
