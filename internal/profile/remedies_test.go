package profile_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/remedy"
)

// A remedy that says something else than its kind is a file that was edited.
func TestRemediesAreChecked(t *testing.T) {
	for want, r := range map[string]remedy.Remedy{
		"":                                 {Kind: remedy.Device, Path: "/dev/fuse"},
		`unknown remedy "pray"`:            {Kind: "pray"},
		"the remedy device has no user":    {Kind: remedy.Device, User: "0"},
		"the remedy set-owner has no text": {Kind: remedy.SetOwner, Text: "in words"},
	} {
		required, failed := profiletest.Proven(), profiletest.FailedOther()
		required.Requirements[0].Denials[0].Remedies = []remedy.Remedy{{Kind: remedy.AsRoot}, r}
		failed.Failures[0].Remedies = []remedy.Remedy{r}
		for _, d := range []*profile.Document{required, failed} {
			switch err := profile.Validate(d); {
			case want == "" && err != nil:
				t.Error(err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%+v: %v, want %s", r, err, want)
			}
		}
	}
}
