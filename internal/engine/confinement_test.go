package engine

import "testing"

func TestAppArmorConfinement(t *testing.T) {
	for text, want := range map[string]Confinement{
		"docker-default":                              {Module: AppArmor, Label: "docker-default"},
		"docker-default (enforce)\n":                  {Module: AppArmor, Label: "docker-default"},
		"mine (complain)\n":                           {Module: AppArmor, Label: "mine", Permissive: true},
		"lxc-a_</var/lib/lxc>//&:lxc-a:b (enforce)\n": {Module: AppArmor, Label: "lxc-a_</var/lib/lxc>//&:lxc-a:b"},
		"with a space (enforce)":                      {Module: AppArmor, Label: "with a space"},
		"":                                            {},
		"unconfined":                                  {},
		"unconfined\n":                                {},
		// A profile of flags=(unconfined) refuses nothing.
		"chrome (unconfined)\n": {},
	} {
		if got, ok := AppArmorConfinement(text); got != want || ok != (want != Confinement{}) {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
}

func TestSELinuxConfinement(t *testing.T) {
	for context, want := range map[string]Confinement{
		"system_u:system_r:container_t:s0:c1,c2\x00": {Module: SELinux, Label: "container_t"},
		"system_u:system_r:svirt_lxc_net_t":          {Module: SELinux, Label: "svirt_lxc_net_t"},
		"system_u:system_r:spc_t:s0":                 {},
		"":                                           {},
		"docker-default (enforce)":                   {},
	} {
		if got, ok := SELinuxConfinement(context); got != want || ok != (want != Confinement{}) {
			t.Errorf("%q: %+v, %v", context, got, ok)
		}
	}
}
