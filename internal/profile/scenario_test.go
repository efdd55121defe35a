package profile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/scenario"
)

// TestEarlierMinorVersionsAreRead: what was added since is missing there, and nothing else is.
func TestEarlierMinorVersionsAreRead(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "v2.[01]", "*.json"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := profile.Decode(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		version := strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "v")
		now := bytes.Replace(data, []byte(`"schemaVersion": "`+version+`"`), []byte(`"schemaVersion": "`+string(profile.SchemaVersion)+`"`), 1)
		if again := encode(t, d); !bytes.Equal(again, now) {
			t.Errorf("%s is written otherwise:\n%s", path, again)
		}
	}
}

func TestScenarioRefuses(t *testing.T) {
	for want, change := range map[string]func(tree map[string]any){
		"scenario.boots: a run begins with the first boot": func(tree map[string]any) { child(tree, "scenario")["boots"] = []string{"restart"} },
		"scenario.boots: the first boot is there twice":    func(tree map[string]any) { child(tree, "scenario")["boots"] = []string{"first boot", "first boot"} },
		`scenario.boots: "third boot" is none`:             func(tree map[string]any) { child(tree, "scenario")["boots"] = []string{"first boot", "third boot"} },
		`scenario.ready: "soon" is none of`:                func(tree map[string]any) { child(tree, "scenario")["ready"] = "soon" },
		"scenario.ready: none is for what is no service":   func(tree map[string]any) { child(tree, "scenario")["ready"] = "none" },
		"scenario.ready: it does not say how":              func(tree map[string]any) { child(tree, "scenario")["ready"] = "" },
		"scenario.stopSignal: it has no name":              func(tree map[string]any) { child(tree, "scenario")["stopSignal"] = "" },
		"scenario.sockets: 0/tcp is none":                  func(tree map[string]any) { child(tree, "scenario", "sockets", 0)["port"] = 0 },
		"scenario.probes: missing":                         func(tree map[string]any) { delete(child(tree, "scenario"), "probes") },
		`requirements: phases of KILL: "nap" of "restart"`: func(tree map[string]any) { child(tree, "requirements", 0, "phases", 1)["step"] = "nap" },
		"requirements: phases of KILL: scenario.boots has no second boot": func(tree map[string]any) {
			child(tree, "requirements", 0, "phases", 1)["boot"] = "second boot"
		},
		"requirements: a denial of KILL: scenario.boots has no second boot": func(tree map[string]any) {
			child(tree, "requirements", 0, "denials", 0, "phase")["boot"] = "second boot"
		},
		`requirements: a denial of KILL: asked by "cron"`: func(tree map[string]any) { child(tree, "requirements", 0, "denials", 0)["asker"] = "cron" },
		"run 1, failedIn: scenario.boots has no second boot": func(tree map[string]any) {
			child(tree, "runs", 0, "failedIn")["boot"] = "second boot"
		},
		"run 3: it passed, and failed in the stop of the first boot": func(tree map[string]any) {
			child(tree, "runs", 2)["failedIn"] = child(tree, "runs", 1)["failedIn"]
		},
		"run 3: privileges were kept, and its outcome is passed": func(tree map[string]any) { child(tree, "runs", 2)["kept"] = true },
		"keptPrivileges[0]: it was seen in run 77": func(tree map[string]any) {
			denial := child(tree, "requirements", 0, "denials", 0)
			denial["run"] = 77
			tree["keptPrivileges"] = []any{denial}
			requirement := child(tree, "requirements", 0)
			requirement["foundBy"], requirement["denials"] = "removal", []any{}
		},
	} {
		var tree map[string]any
		if err := json.Unmarshal(encode(t, profiletest.Supervisord()), &tree); err != nil {
			t.Fatal(err)
		}
		change(tree)
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := profile.Decode(bytes.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestPhasesAreInTheOrderOfARun, each once, whatever order they were found in.
func TestPhasesAreInTheOrderOfARun(t *testing.T) {
	d := profiletest.Database()
	want := slices.Clone(d.Requirements[1].Phases)
	if !slices.IsSortedFunc(want, func(a, b scenario.Phase) int {
		return slices.Index(scenario.Boots(), a.Boot)*10 + slices.Index(scenario.Steps(), a.Step) -
			slices.Index(scenario.Boots(), b.Boot)*10 - slices.Index(scenario.Steps(), b.Step)
	}) {
		t.Errorf("not in their order: %v", want)
	}
	first := encode(t, d)
	slices.Reverse(d.Requirements[1].Phases)
	d.Requirements[1].Phases = append(d.Requirements[1].Phases, want...)
	slices.Reverse(d.Scenario.Processes)
	given := slices.Clone(d.Requirements[1].Phases)
	if again := encode(t, d); !bytes.Equal(first, again) {
		t.Errorf("the order shows:\n%s\n%s", first, again)
	}
	if !reflect.DeepEqual(given, d.Requirements[1].Phases) || d.Scenario.Processes[0].Name != "sh" {
		t.Error("Encode changed the caller's document")
	}
}
