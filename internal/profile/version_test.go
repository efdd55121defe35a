package profile_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/scenario"
)

func TestANewerMajorVersionIsCalledNewer(t *testing.T) {
	for _, text := range []string{
		`{"schemaVersion":"3.0"}`, `{"schemaVersion":"9.12","shape":["another"]}`, `{"schemaVersion":"99999999999999999999.0"}`,
	} {
		_, err := profile.Decode(strings.NewReader(text))
		if !errors.Is(err, profile.ErrNewer) || !strings.Contains(err.Error(), "written by a newer capprof") || !strings.Contains(err.Error(), "update capprof") {
			t.Errorf("Decode(%s) = %v, want ErrNewer and what to do", text, err)
		}
	}
}

// child is the object at a path of keys and indexes.
func child(tree any, path ...any) map[string]any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			tree = tree.(map[string]any)[step]
		case int:
			tree = tree.([]any)[step]
		}
	}
	return tree.(map[string]any)
}

// What a later minor version may add, an older capprof leaves out: the rest is read
// as it is.
func TestANewerMinorVersionIsRead(t *testing.T) {
	text := edit(t, func(tree map[string]any) {
		tree["schemaVersion"] = "2.7"
		tree["services"] = map[string]any{"api": map[string]any{"verdict": "proven"}}
		child(tree, "capabilities")["ambient"] = []string{}
		requirement := child(tree, "requirements", 0)
		requirement["since"] = []string{"boot"}
		child(requirement, "grant")["container"] = "api"
		denial := child(requirement, "denials", 0)
		denial["phase"], denial["container"] = map[string]any{"boot": "third boot", "step": "reload", "of": 3}, "api"
		denial["asker"] = "cron"
		run := child(tree, "runs", 0)
		run["purpose"], run["failedStep"] = "observe", "ready"
		child(tree, "runs", 1)["outcome"] = "unready"
		child(tree, "meta")["host"] = nil
		child(tree, "workload", "options")["coffee"] = 512
		denial["remedies"] = []any{map[string]any{"kind": "pray", "to": "whom"}}
	})
	got, err := profile.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if unknown := got.Workload.Options.Unknown(); !slices.Equal(unknown, []string{"coffee"}) {
		t.Errorf("unknown options: %q", unknown)
	}
	want := profiletest.Proven()
	got.Workload.Options = want.Workload.Options
	want.Requirements[0].Denials[0].Remedies = []remedy.Remedy{{Kind: "pray"}}
	want.Requirements[0].Denials[0].Phase = &scenario.Phase{Boot: "third boot", Step: "reload"}
	want.Requirements[0].Denials[0].Asker = "cron"
	want.Runs[0].Purpose, want.Runs[1].Outcome = "observe", "unready"
	profile.Normalize(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v\nwant %+v", got, want)
	}
}

// What nobody may understand half is refused in a newer minor version too, and the
// version is named as a possible reason.
func TestANewerMinorVersionIsHeldToItsPromises(t *testing.T) {
	for name, c := range map[string]struct {
		change func(tree map[string]any)
		want   string
	}{
		"missing field":      {func(tree map[string]any) { delete(tree, "losses") }, "losses: missing"},
		"mistyped field":     {func(tree map[string]any) { tree["runs"] = "none" }, "runs: a string where an array belongs"},
		"unknown verdict":    {func(tree map[string]any) { tree["verdict"] = "observed" }, `verdict: "observed" is none of`},
		"unknown capability": {func(tree map[string]any) { child(tree, "capabilities")["refused"] = []string{"CAP_NEXT"} }, `unknown capability "CAP_NEXT"`},
		"unknown proof":      {func(tree map[string]any) { child(tree, "runs", 4)["outcome"] = "unready" }, "whose outcome is unready"},
	} {
		text := edit(t, func(tree map[string]any) {
			tree["schemaVersion"] = "2.3"
			c.change(tree)
		})
		_, err := profile.Decode(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, profile.ErrNewer) || !strings.Contains(err.Error(), "schema 2.3; update capprof") {
			t.Errorf("%s: %v, want %q and the version", name, err, c.want)
		}
	}
}

// A document of this version with unknown fields is not a newer one.
func TestTheOwnVersionIsReadStrictly(t *testing.T) {
	data := bytes.Replace(encode(t, profiletest.Proven()), []byte(`"foundBy"`), []byte(`"since": [], "foundBy"`), 1)
	if _, err := profile.Decode(bytes.NewReader(data)); err == nil || errors.Is(err, profile.ErrNewer) || !strings.Contains(err.Error(), "requirements[0].since: unknown field") {
		t.Errorf("%v", err)
	}
}
