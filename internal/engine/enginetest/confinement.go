package enginetest

import (
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// The modules of which the engine says that they confine containers do; after the end it
// is what it was.
func checkConfinement(t *testing.T, s suite) {
	facts, err := s.open(t).Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := create(t, s.open(t), s.spec("hang"), engine.Conditions{})
	start(t, c, "hanging\n")
	running := confinement(t, c)
	for _, module := range facts.SecurityModules {
		if !slices.ContainsFunc(running, func(held engine.Confinement) bool { return held.Module == module && held.Label != "" }) {
			t.Errorf("%s confines containers, and this one is under %+v", module, running)
		}
	}
	end(t, c)
	if ended := confinement(t, c); len(facts.SecurityModules) > 0 && !slices.Equal(ended, running) {
		t.Errorf("it was under %+v, and after the end under %+v", running, ended)
	}
	for _, module := range facts.SecurityModules {
		free := create(t, s.open(t), s.spec("hang"), engine.Conditions{Options: []workload.Setting{lifted[module]}})
		start(t, free, "hanging\n")
		if held := confinement(t, free); slices.ContainsFunc(held, func(held engine.Confinement) bool { return held.Module == module }) {
			t.Errorf("with %s it is under %+v", lifted[module], held)
		}
		end(t, free)
	}
}

// lifted are the options that take a module away.
var lifted = map[engine.SecurityModule]workload.Setting{
	engine.AppArmor: {Name: "security-opt", Value: "apparmor=unconfined"},
	engine.SELinux:  {Name: "security-opt", Value: "label=disable"},
}

func confinement(t testing.TB, c engine.Container) []engine.Confinement {
	t.Helper()
	held, err := c.Confinement(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return held
}
