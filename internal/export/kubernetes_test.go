package export_test

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

// decode reads an export strictly into Kubernetes' own type.
func decode(t *testing.T, text string) *corev1.SecurityContext {
	t.Helper()
	var file struct {
		SecurityContext *corev1.SecurityContext `json:"securityContext"`
	}
	if err := yaml.UnmarshalStrict([]byte(text), &file); err != nil || file.SecurityContext == nil {
		t.Fatalf("Kubernetes refuses it: %v\n%s", err, text)
	}
	return file.SecurityContext
}

func TestKubernetesDecodesStrictly(t *testing.T) {
	all := []corev1.Capability{"ALL"}
	id := func(n int64) *int64 { return &n }
	yes, no := true, false
	empty, named, full := profiletest.Empty(), profiletest.Proven(), worst()
	named.Workload.Options = named.Workload.Options.Set("user", "www-data:33")
	full.Workload.Options = full.Workload.Options.Set("user", "1000:2000")
	for name, c := range map[string]struct {
		text string
		want corev1.SecurityContext
	}{
		"empty": {exported(t, "k8s", empty), corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: all}}},
		"named": {exported(t, "k8s", named), corev1.SecurityContext{
			Capabilities: &corev1.Capabilities{Drop: all, Add: []corev1.Capability{"CHOWN", "SETGID"}}, RunAsGroup: id(33),
		}},
		"full": {exported(t, "k8s", full), corev1.SecurityContext{
			Capabilities: &corev1.Capabilities{Drop: all, Add: []corev1.Capability{"CHOWN", "SETGID"}},
			RunAsUser:    id(1000), RunAsGroup: id(2000), ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
			AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined},
		}},
	} {
		if got := decode(t, c.text); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, want %+v\n%s", name, *got, c.want, c.text)
		}
	}
	if text := comments(exported(t, "k8s", named)); !strings.Contains(text, "the user www-data. In Kubernetes set runAsUser to its number") {
		t.Errorf("a user's name is dropped silently: %s", text)
	}
}

// What the set was found with is part of the answer, the user's own options too.
func TestKubernetesSecurityOptions(t *testing.T) {
	mine := "mine"
	for given, want := range map[string]corev1.SecurityContext{
		"apparmor=unconfined":              {AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}},
		"apparmor=x apparmor:mine":         {AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeLocalhost, LocalhostProfile: &mine}},
		"seccomp=unconfined":               {SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}},
		"seccomp=/etc/docker/mine":         {SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: &mine}},
		"seccomp=builtin":                  {},
		"label=disable":                    {SELinuxOptions: &corev1.SELinuxOptions{Type: "spc_t"}},
		"label=type:t_t label=level:s0:c1": {SELinuxOptions: &corev1.SELinuxOptions{Type: "t_t", Level: "s0:c1"}},
	} {
		d := profiletest.Empty()
		d.Workload.Options = d.Workload.Options.Set("security-opt", strings.Fields(given)...)
		got := decode(t, exported(t, "k8s", d))
		if got.Capabilities = nil; !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, want %+v", given, *got, want)
		}
	}
}

func TestKubernetesUsers(t *testing.T) {
	for user, want := range map[string]int64{"0": 0, "root": 0, "65534": 65534, "2147483647": 2147483647, "": -1, "nobody": -1, "2147483648": -1, "-2": -1} {
		d := profiletest.Proven()
		d.Workload.Options = d.Workload.Options.Set("user", user)
		text := exported(t, "k8s", d)
		got := int64(-1)
		if id := decode(t, text).RunAsUser; id != nil {
			got = *id
		}
		if got != want {
			t.Errorf("user %q gives runAsUser %d, want %d", user, got, want)
		}
		if hint := strings.Contains(comments(text), "to its number"); hint != (want == -1 && user != "") {
			t.Errorf("user %q: the hint is there: %v", user, hint)
		}
	}
}

func TestKubernetesSaysWhatDockerChanged(t *testing.T) {
	const ports, ping = "listens below it needs NET_BIND_SERVICE", "ping needs NET_RAW"
	for name, c := range map[string]struct {
		start, group string
		required     capability.Set
		ports, ping  bool
	}{
		"docker":         {"0", "0\t2147483647", 0, true, true},
		"unknown":        {"", "", 0, true, true},
		"kernel default": {"1024", "1\t0", 0, false, false},
		"needed anyway":  {"0", "0 2147483647", capability.Of(capability.NetBindService, capability.NetRaw), false, false},
	} {
		d := profiletest.Empty()
		// A trace tells by itself whether the workload depends on them.
		d.Environment.Traced = false
		d.Capabilities.Required = c.required
		d.Environment.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": c.start, "net.ipv4.ping_group_range": c.group}
		text := comments(exported(t, "k8s", d))
		if strings.Contains(text, ports) != c.ports || strings.Contains(text, ping) != c.ping {
			t.Errorf("%s: want ports %v, ping %v in: %s", name, c.ports, c.ping, text)
		}
	}
}

func TestKubernetesNotes(t *testing.T) {
	d := profiletest.Proven()
	d.Requirements[0].Denials[0].Mechanism = "seccomp"
	d.Workload.Options = d.Workload.Options.Set("sysctl", "net.core.somaxconn=1024").Set("privileged", "true")
	text := comments(exported(t, "k8s", d))
	for _, want := range []string{
		"CHOWN is needed for chown because the seccomp profile in force (default) refuses it",
		"the sysctls net.core.somaxconn, which belong in the pod's",
		"found without --privileged", "allowPrivilegeEscalation is not set",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in: %s", want, text)
		}
	}
	for option, want := range map[string]bool{
		"no-new-privileges": true, "no-new-privileges:true": true, "no-new-privileges=true": true, "no-new-privileges:false": false, "apparmor=unconfined": false,
	} {
		d.Workload.Options = d.Workload.Options.Set("security-opt", option)
		if got := decode(t, exported(t, "k8s", d)).AllowPrivilegeEscalation; (got != nil) != want || want && *got {
			t.Errorf("%s gives allowPrivilegeEscalation %v", option, got)
		}
	}
}

func TestKubernetesTakesThePortableSet(t *testing.T) {
	add := func(text string) []corev1.Capability { return decode(t, text).Capabilities.Add }
	text := exported(t, "k8s", profiletest.Portable())
	if got := add(text); !reflect.DeepEqual(got, []corev1.Capability{"CHOWN", "NET_BIND_SERVICE", "SETGID"}) {
		t.Errorf("it adds %v", got)
	}
	for _, want := range []string{
		"NET_BIND_SERVICE is needed on Kubernetes and plain hosts (net.ipv4.ip_unprivileged_port_start=1024)", "without it, run 12 exits with 1",
		`NET_BIND_SERVICE can be left out in pods with securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]}`,
	} {
		if !strings.Contains(comments(text), want) {
			t.Errorf("no %q in: %s", want, text)
		}
	}
	text = exported(t, "k8s", profiletest.NotPortable())
	if got := add(text); !reflect.DeepEqual(got, []corev1.Capability{"CHOWN", "SETGID"}) {
		t.Errorf("it adds %v", got)
	}
	if want := "WARNING: on Kubernetes"; !strings.Contains(comments(text), want) || !strings.Contains(comments(text), `value: "0"}]}`) {
		t.Errorf("no %q and sysctl in: %s", want, text)
	}
}

func TestEnginesLikeDockerTakeTheirOwnSet(t *testing.T) {
	for _, format := range []string{"compose", "docker"} {
		for _, d := range []*profile.Document{profiletest.Portable(), profiletest.NotPortable()} {
			text := exported(t, format, d)
			if strings.Contains(body(text), "NET_BIND_SERVICE") || !strings.Contains(comments(text), "on Kubernetes and plain hosts (net.ipv4.ip_unprivileged_port_start=1024)") {
				t.Errorf("%s: %s", format, text)
			}
		}
		if strings.Contains(exported(t, format, profiletest.Proven()), "sysctl") {
			t.Errorf("%s speaks of sysctls that do not matter", format)
		}
	}
}
