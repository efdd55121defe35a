package scenario_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/scenario"
)

func TestReadinessIsReadAndWrittenAlike(t *testing.T) {
	for _, text := range []string{
		"healthy", "none", "tcp:80", "http:8080/", "http:80/health?deep=1", "log:ready to accept (connections)?", "exec:pg_isready -U postgres",
		"after:1m30s", "log:a:b",
	} {
		r, err := scenario.ParseReadiness(text)
		if err != nil || r.String() != text {
			t.Errorf("%q: %q, %v", text, r, err)
		}
	}
	if r, err := scenario.ParseReadiness("http:80"); err != nil || r.String() != "http:80/" {
		t.Errorf("%q, %v", r, err)
	}
}

func TestReadinessThatIsNone(t *testing.T) {
	for text, says := range map[string]string{
		"": "none of healthy", "soon": `"soon" is none of`, "tcp": `"" is no port`, "tcp:http": "no port", "tcp:0": "no port", "tcp:65536": "no port",
		"http:/x": "no port", "log:": "missing", "log:(": "missing closing", "exec: ": "missing", "after:": "invalid duration", "after:-1s": "positive",
		"healthy:yes": "nothing follows", "listening": "none of", "quiet": "none of",
	} {
		if _, err := scenario.ParseReadiness(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestPlan(t *testing.T) {
	n := func(n int) *int { return &n }
	first, again, second := scenario.FirstBoot, scenario.Restart, scenario.SecondBoot
	for name, c := range map[string]struct {
		told    scenario.Told
		volumes bool
		want    []scenario.Boot
	}{
		"nothing told":         {want: []scenario.Boot{first, again}},
		"volumes":              {volumes: true, want: []scenario.Boot{first, again, second}},
		"no restarts":          {told: scenario.Told{Restarts: n(0)}, volumes: true, want: []scenario.Boot{first, second}},
		"one boot for volumes": {told: scenario.Told{Boots: n(1)}, volumes: true, want: []scenario.Boot{first, again}},
		"many":                 {told: scenario.Told{Restarts: n(2), Boots: n(3)}, want: []scenario.Boot{first, again, again, second, second}},
	} {
		if got := c.told.Plan(c.volumes); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	got := scenario.Kinds([]scenario.Process{{"nginx", 33}, {"worker-12", 0}, {"nginx", 0}, {"worker-7", 0}, {"nginx", 33}})
	if want := []scenario.Process{{"nginx", 0}, {"nginx", 33}, {"worker-#", 0}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
