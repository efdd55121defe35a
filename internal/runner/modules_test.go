package runner

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/trial"
)

const noAppArmor = "--security-opt apparmor=unconfined"

// ruling are security modules that log nothing, and of whose policy this is the answer.
type ruling observation.Ruling

func (ruling) Listen() (trial.Listener, error) { return nil, errors.New("nothing to hear") }

func (r ruling) Ruling(module, label string, _ observation.Access) observation.Ruling {
	if module != "apparmor" || label != "docker-default" {
		return observation.Ruling{}
	}
	return observation.Ruling(r)
}

func (ruling) Log() string { return "dmesg" }

// A security module's refusal is in the document with the module's name and that of its
// profile, and with --privileged the option that takes it away is found by it.
func TestSecurityModulesAreTold(t *testing.T) {
	mount := observation.Operation{Syscall: "mount", Errno: unix.EACCES, Entered: true, Object: observation.Object{Path: "none", SecondPath: "/mnt"}}
	silent := ruling{Known: true, Silent: true}
	held := profile.Confinement{Module: "apparmor", Label: "docker-default"}
	for name, c := range map[string]struct {
		change   func(*Options)
		modules  Modules
		verdict  profile.Verdict
		confined bool
		option   bool
		refuser  profile.Refuser
		cause    string
	}{
		"as the policy says": {
			modules: silent, verdict: profile.Failed, confined: true,
			refuser: profile.Refuser{Module: "apparmor", Label: "docker-default", ShownBy: profile.EvidencePolicy}, cause: "refuses it whatever the capabilities",
		},
		"perhaps": {
			modules: ruling{}, verdict: profile.Failed, confined: true,
			refuser: profile.Refuser{Module: "apparmor", Label: "docker-default"}, cause: "(dmesg may tell)",
		},
		"with --privileged": {
			change: privileged, modules: silent, verdict: profile.Proven, option: true,
			refuser: profile.Refuser{Module: "apparmor", Label: "docker-default", ShownBy: profile.EvidencePolicy},
		},
		"with an option of the user's": {change: given("security-opt", "apparmor=unconfined"), modules: silent, verdict: profile.Proven},
	} {
		t.Run(name, func(t *testing.T) {
			e := privilegedEngine(t, does(opens(noAppArmor, mount)))
			e.info.SecurityModules = []engine.SecurityModule{engine.AppArmor}
			e.confines = []engine.Confinement{{Module: engine.AppArmor, Label: "docker-default"}}
			change := func(o *Options) { o.Modules = c.modules }
			if c.change != nil {
				change = both(change, c.change)
			}
			a := try(t, e, change)
			if a.err != nil || a.Document.Verdict != c.verdict {
				t.Fatalf("%v, %+v", a.err, a.Document)
			}
			d := a.Document
			want := []profile.Confinement(nil)
			if c.confined {
				want = append(want, held)
			}
			if !slices.Equal(d.Environment.Confinement, want) {
				t.Errorf("under %+v", d.Environment.Confinement)
			}
			failures := d.Failures
			if c.option {
				if len(d.Requirements) != 1 || d.Requirements[0].Grant.String() != noAppArmor || d.Requirements[0].FoundBy != profile.FoundByTrace {
					t.Fatalf("%+v", d.Requirements)
				}
				failures = d.Requirements[0].Failures
			}
			if c.refuser == (profile.Refuser{}) {
				return
			}
			if len(failures) != 1 || failures[0].Refuser == nil || *failures[0].Refuser != c.refuser || !strings.Contains(failures[0].Cause, c.cause) {
				t.Errorf("%+v", failures)
			}
		})
	}
}
