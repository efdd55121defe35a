package workload

import (
	"slices"
	"testing"
)

func TestPermits(t *testing.T) {
	for _, name := range permits {
		if option := Find(name); option == nil || option.Kind == Flag || option.Baseline || option.NoEffect != "" || option.Refused != "" {
			t.Errorf("--%s: %+v", name, option)
		}
	}
	given := Options{}.
		Set("security-opt", "apparmor=unconfined", `seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`, "seccomp=unconfined").
		Set("volume", "/a:/a").Set("env", "A=b").Set("user", "33").Set("privileged", "true").Set("cap-add", "SYS_ADMIN")
	want := []Setting{{"user", "33"}, {"security-opt", "apparmor=unconfined"}, {"security-opt", "seccomp=unconfined"}}
	if got := given.Permits(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestForPodman(t *testing.T) {
	for given, want := range map[Setting]Setting{
		{"security-opt", "systempaths=unconfined"}: {"security-opt", "unmask=ALL"},
		{"security-opt", "apparmor=unconfined"}:    {"security-opt", "apparmor=unconfined"},
		{"env", "systempaths=unconfined"}:          {"env", "systempaths=unconfined"},
	} {
		if got := given.ForPodman(); got != want {
			t.Errorf("%v: %v, want %v", given, got, want)
		}
	}
}
