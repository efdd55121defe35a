package explain

import (
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// grantor is an engine, or some versions of one, and what it grants to a
// container that asks for nothing.
type grantor struct {
	engine   string
	versions string
	set      capability.Set
	// source is where that was read.
	source string
}

const everyVersion = "every version"

// grantors lists the engines. Each list was read in the engine's source;
// Docker's was also seen in /proc/self/status of a container of 20.10.24. What
// an administrator changes in containers.conf or crio.conf is not in it.
var grantors = []grantor{
	{"Docker", everyVersion, capability.DockerDefault, "moby/moby daemon/pkg/oci/caps/defaults.go, unchanged since cf331cdd6a (2014)"},
	{
		"Podman", "4.5 and later", capability.PodmanDefault,
		"containers/common pkg/config/default.go, v0.52.0 and later (c700408f)",
	},
	{
		"Podman", "4.4", capability.PodmanDefault.Without(capability.SysChroot),
		"containers/common pkg/config/default.go, v0.51.0 (a3328f26)",
	},
	{"Podman", "4.3 and earlier", capability.DockerDefault, "containers/common pkg/config/default.go, v0.50.1; distributions may ship a shorter list in containers.conf"},
	{"containerd", everyVersion, capability.DockerDefault, "containerd pkg/oci/spec.go defaultUnixCaps (301026e58c61); its Kubernetes plugin starts from the same"},
	{
		"CRI-O", "1.18 and later", capability.Of(capability.Chown, capability.DACOverride, capability.FSetID, capability.FOwner, capability.SetGID,
			capability.SetUID, capability.SetPCap, capability.NetBindService, capability.Kill),
		"cri-o internal/config/capabilities/capabilities_linux.go; NET_RAW and SYS_CHROOT left in v1.18.0 (63b9f4ec98)",
	},
}

// baselineAdds are what a pod may add under the Pod Security Standards' level
// baseline, restrictedAdds under restricted.
var (
	baselineAdds = capability.Of(capability.AuditWrite, capability.Chown, capability.DACOverride, capability.FOwner, capability.FSetID,
		capability.Kill, capability.MkNod, capability.NetBindService, capability.SetFCap, capability.SetGID, capability.SetPCap,
		capability.SetUID, capability.SysChroot)
	restrictedAdds = capability.Of(capability.NetBindService)
)

// podSecuritySource is where the levels were read.
const podSecuritySource = "kubernetes staging/src/k8s.io/pod-security-admission/policy: check_capabilities_baseline.go, check_capabilities_restricted.go"

// Grant says whether an engine grants a capability by default.
type Grant struct {
	Engine   string `json:"engine"`
	Versions string `json:"versions"`
	Granted  bool   `json:"granted"`
	Source   string `json:"source"`
}

// PodSecurity says what a level of Kubernetes' Pod Security Standards makes of a
// capability. Without a level, Kubernetes leaves the default to its runtime.
type PodSecurity struct {
	Level string `json:"level"`
	// MayAdd says whether a pod may list it in capabilities.add.
	MayAdd bool `json:"mayAdd"`
	// Rule is that in words.
	Rule   string `json:"rule"`
	Source string `json:"source"`
}

func grants(c capability.Cap) []Grant {
	all := make([]Grant, len(grantors))
	for i, g := range grantors {
		all[i] = Grant{Engine: g.engine, Versions: g.versions, Granted: g.set.Has(c), Source: g.source}
	}
	return all
}

func podSecurity(c capability.Cap) []PodSecurity {
	baseline := PodSecurity{Level: "baseline", MayAdd: baselineAdds.Has(c), Rule: "may not be added", Source: podSecuritySource}
	switch {
	case baseline.MayAdd:
		baseline.Rule = "may be added"
	case capability.DockerDefault.Has(c):
		// NET_RAW: nothing makes a pod drop what its runtime grants by default.
		baseline.Rule = "may not be added, and stays where the runtime grants it by default"
	}
	restricted := PodSecurity{Level: "restricted", MayAdd: restrictedAdds.Has(c), Rule: "must be dropped (drop: [ALL]), and may not be added", Source: podSecuritySource}
	if restricted.MayAdd {
		restricted.Rule = "must be dropped (drop: [ALL]), and may be added back"
	}
	return []PodSecurity{
		{Level: "privileged", MayAdd: true, Rule: "may be added", Source: podSecuritySource},
		baseline,
		restricted,
	}
}

// whoGrants names the engines that grant it by default, or with answer false
// those that do not: "Docker, Podman 4.3 and earlier", or "no engine".
func whoGrants(all []Grant, answer bool) string {
	rows, agreeing := map[string]int{}, map[string]int{}
	for _, g := range all {
		rows[g.Engine]++
		if g.Granted == answer {
			agreeing[g.Engine]++
		}
	}
	var names []string
	named := map[string]bool{}
	before := -1 // the row that gave the last name
	for i, g := range all {
		switch {
		case g.Granted != answer || named[g.Engine]:
			continue
		case agreeing[g.Engine] == rows[g.Engine] && (rows[g.Engine] > 1 || g.Versions == everyVersion):
			// Versions that agree are not told apart.
			names = append(names, g.Engine)
			named[g.Engine] = true
		case before == i-1 && before >= 0 && all[before].Engine == g.Engine:
			names[len(names)-1] = g.Engine + " " + joined(all[before].Versions, g.Versions)
		default:
			names = append(names, g.Engine+" "+g.Versions)
		}
		before = i
	}
	if len(names) == 0 {
		return "no engine"
	}
	return strings.Join(names, ", ")
}

// joined are neighbouring versions, the newer ones first: "4.5 and later" and "4.4"
// are "4.4 and later".
func joined(newer, older string) string {
	const later, earlier = " and later", " and earlier"
	switch {
	case strings.HasSuffix(newer, later) && !strings.HasSuffix(older, earlier):
		return older + later
	case strings.HasSuffix(older, earlier) && !strings.HasSuffix(newer, later):
		return newer + earlier
	}
	return newer + ", " + older
}
