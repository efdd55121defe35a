package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// setOf reads a row's names.
func setOf(t testing.TB, names []string) capability.Set {
	t.Helper()
	set, err := capability.ParseSet(names...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPrograms holds capprof to the table: the exact set, explained and proven,
// in a bounded number of runs, with nothing left behind.
func TestPrograms(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	// The group ends before the clean-up above looks.
	t.Run("group", func(t *testing.T) {
		for _, w := range workloads {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				result, document := profiled(t, e, w)
				if w.hopeless {
					checkHopeless(t, w, result, document)
					return
				}
				result.expect(t, exitProven)
				checkProven(t, w, document)
				if t.Failed() || testing.Verbose() {
					t.Logf("stderr:\n%s", result.stderr)
				}
			})
		}
	})
}

// checkProven asserts what a proven profile says.
func checkProven(t *testing.T, w workload, document profile.Document) {
	t.Helper()
	want := setOf(t, w.want)
	if document.Verdict != profile.Proven {
		t.Errorf("verdict %q, want proven: %q", document.Verdict, document.Reasons)
	}
	if got := document.Capabilities.Required; got != want {
		t.Errorf("required: %s\nwant:     %s", got, want)
	}
	if tolerated := setOf(t, w.tolerated); !document.Capabilities.Tolerated.Contains(tolerated) {
		t.Errorf("tolerated: %s, want at least %s", document.Capabilities.Tolerated, tolerated)
	}
	if overlap := document.Capabilities.Tolerated.Intersect(document.Capabilities.Required); !overlap.Empty() {
		t.Errorf("both required and tolerated: %s", overlap)
	}
	if document.Losses != (profile.Losses{}) {
		t.Errorf("losses: %+v", document.Losses)
	}
	checkRequirements(t, document)
	checkRuns(t, w, document)
}

// checkRequirements asserts that each capability is explained by an operation
// and proven by a run.
func checkRequirements(t *testing.T, document profile.Document) {
	t.Helper()
	var explained capability.Set
	for _, r := range document.Requirements {
		explained = explained.With(r.Grant.Capability)
		if r.FoundBy != profile.FoundByTrace || len(r.Denials) == 0 {
			t.Errorf("%s was found by %s with %d pieces of evidence, want the trace to explain it",
				r.Grant, r.FoundBy, len(r.Denials))
		}
		i := slices.IndexFunc(document.Runs, func(run profile.Run) bool { return run.Number == r.ProvenBy })
		if i < 0 {
			t.Errorf("%s is proven by run %d, which there is not", r.Grant, r.ProvenBy)
			continue
		}
		proof := document.Runs[i]
		if proof.Grants().Has(r.Grant) || proof.Outcome == profile.OutcomePassed || proof.Outcome == profile.OutcomeRefused {
			t.Errorf("%s is proven by run %d, which %s with %s", r.Grant, proof.Number, proof.Outcome, proof.Grants())
		}
	}
	if explained != document.Capabilities.Required {
		t.Errorf("explained: %s, required: %s", explained, document.Capabilities.Required)
	}
}

// checkRuns asserts that the runs were few and stayed within what was allowed.
func checkRuns(t *testing.T, w workload, document profile.Document) {
	t.Helper()
	allowed := setOf(t, append(slices.Clone(dockerDefault), w.allow))
	// Runs with other options ask for the portable set; that is a search of its own.
	own := slices.DeleteFunc(slices.Clone(document.Runs), func(run profile.Run) bool { return len(run.Options) > 0 })
	for i, run := range document.Runs {
		if run.Number != i+1 {
			t.Errorf("run %d has the number %d", i+1, run.Number)
		}
		if !allowed.Contains(run.Capabilities) {
			t.Errorf("run %d was granted %s, beyond what is allowed", run.Number, run.Capabilities.Minus(allowed))
		}
	}
	if len(w.want) == 0 && !w.hopeless {
		// One with everything allowed may be made to know that it is no service.
		needed := slices.DeleteFunc(own, func(run profile.Run) bool { return run.Purpose == profile.PurposeReference })
		if len(needed) != 1 {
			t.Errorf("%d runs for a workload that needs nothing, want 1", len(needed))
		}
		return
	}
	// At worst each capability shows only when the one before it was granted: as
	// many explored runs, a confirming one, as many removals, and one to ask
	// whether a failure that did not change is about capabilities at all.
	most := 2*len(w.want) + 4
	// One that was granted and turns out removable costs its own removal, a look at what
	// its absence does, and a proof that the smaller set makes void: what stays is proven
	// under that set.
	var granted capability.Set
	for _, run := range own {
		if run.Purpose == profile.PurposeConfirm {
			granted = granted.Union(run.Capabilities)
		}
	}
	if extra := granted.Minus(setOf(t, w.want)).Len(); extra > 0 {
		most += 3*extra + len(w.want)
	}
	if len(own) > most {
		t.Errorf("%d runs, want at most %d", len(own), most)
	}
}

// checkHopeless asserts what a failed profile says.
func checkHopeless(t *testing.T, w workload, result ended, document profile.Document) {
	t.Helper()
	result.expect(t, exitFailed)
	if document.Verdict != profile.Failed {
		t.Errorf("verdict %q, want failed", document.Verdict)
	}
	if len(document.Reasons) == 0 {
		t.Error("no reason is given")
	}
	if got := document.Capabilities.Required; !got.Empty() {
		t.Errorf("a failed profile requires %s", got)
	}
	for _, words := range w.says {
		if !strings.Contains(strings.Join(document.Reasons, "\n"), words) {
			t.Errorf("the reasons do not say %q: %q", words, document.Reasons)
		}
	}
	beyond := setOf(t, w.beyond)
	if got := document.Capabilities.BeyondAllowed; !got.Contains(beyond) {
		t.Errorf("beyond what is allowed: %s, want %s", got, beyond)
	}
	if len(w.beyond) > 0 {
		said := result.stderr + strings.Join(document.Reasons, "\n")
		for _, word := range append([]string{"--allow"}, w.beyond...) {
			if !strings.Contains(said, word) {
				t.Errorf("neither stderr nor the reasons mention %s:\n%s", word, said)
			}
		}
	}
	checkRuns(t, w, document)
}

// TestRequiredIsSortedKernelNames reads the profile as a script would.
func TestRequiredIsSortedKernelNames(t *testing.T) {
	e := engineOf(t)
	path := t.TempDir() + "/profile.json"
	w := named(t, "op-staged")
	args := append([]string{"run", "-o", path}, w.capprofFlags()...)
	// Neither -- nor anything else between the image and the command.
	args = append(append(args, imageOf(t, w.image)), w.argv(t)...)
	result := invocation{engine: e, args: args}.run(t)
	result.expect(t, exitProven)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"CAP_CHOWN", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID"}
	if got := requiredNames(t, data); !slices.Equal(got, want) {
		t.Errorf("capabilities.required = %q, want %q", got, want)
	}
}
