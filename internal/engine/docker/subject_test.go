package docker

import (
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/workload"
)

func TestArgv(t *testing.T) {
	for name, tc := range map[string]struct {
		image [2][]string // entrypoint and command
		w     workload.Spec
		want  []string
	}{
		"none":                             {[2][]string{nil, nil}, workload.Spec{}, nil},
		"the image's":                      {[2][]string{nil, {"x"}}, workload.Spec{}, []string{"x"}},
		"the image's entrypoint":           {[2][]string{{"x"}, {"y"}}, workload.Spec{}, []string{"x", "y"}},
		"given":                            {[2][]string{{"x"}, {"y"}}, workload.Spec{Command: []string{"z"}}, []string{"x", "z"}},
		"entrypoint given":                 {[2][]string{{"x"}, {"y"}}, workload.Spec{Entrypoint: []string{"z"}}, []string{"z"}},
		"entrypoint cleared, no command":   {[2][]string{{"x"}, {"y"}}, workload.Spec{Entrypoint: []string{""}}, nil},
		"entrypoint cleared, with command": {[2][]string{{"x"}, nil}, workload.Spec{Entrypoint: []string{""}, Command: []string{"y"}}, []string{"y"}},
	} {
		if got := argv(tc.image[0], tc.image[1], tc.w); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
