package explain

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
)

func TestParseArgument(t *testing.T) {
	exists := func(path string) bool {
		return path == "baseline" || path == "chown" || path == "0000000000001000" || path == "12"
	}
	for _, tc := range []struct {
		text string
		want Argument
	}{
		{"NET_ADMIN", Argument{Kind: KindCapability, Capability: capability.NetAdmin}},
		{"cap_net_admin", Argument{Kind: KindCapability, Capability: capability.NetAdmin}},
		{"12", Argument{Kind: KindCapability, Capability: capability.NetAdmin}},
		{"0", Argument{Kind: KindCapability, Capability: capability.Chown}},
		{"CAP_41", Argument{Kind: KindCapability, Capability: 41}},
		{"63", Argument{Kind: KindCapability, Capability: 63}},
		// A file of that name changes nothing.
		{"chown", Argument{Kind: KindCapability, Capability: capability.Chown}},
		{"./chown", Argument{Kind: KindProfile, Path: "./chown"}},
		{"0000000000001000", Argument{Kind: KindMask, Mask: capability.Of(capability.NetAdmin)}},
		{"00000000a80425fb", Argument{Kind: KindMask, Mask: capability.DockerDefault}},
		{"00000000A80425FB\n", Argument{Kind: KindMask, Mask: capability.DockerDefault}},
		{"0xa80425fb", Argument{Kind: KindMask, Mask: capability.DockerDefault}},
		{"0X0", Argument{Kind: KindMask}},
		{"ffffffffffffffff", Argument{Kind: KindMask, Mask: ^capability.Set(0)}},
		{"profile.json", Argument{Kind: KindProfile, Path: "profile.json"}},
		{"baseline", Argument{Kind: KindProfile, Path: "baseline"}},
		{"out/baseline", Argument{Kind: KindProfile, Path: "out/baseline"}},
		{"-", Argument{Kind: KindProfile, Path: "-"}},
	} {
		got, err := ParseArgument(tc.text, exists)
		if err != nil || got != tc.want {
			t.Errorf("ParseArgument(%q) = %+v, %v; want %+v", tc.text, got, err, tc.want)
		}
	}
	for text, mentions := range map[string]string{
		"":                    "empty",
		" ":                   "empty",
		"012":                 "neither a capability's number",
		"100":                 "neither a capability's number",
		"64":                  "beyond the kernel's highest number",
		"a80425fb":            "8 hexadecimal digits, and a mask has 16",
		"00000000a80425fbc":   "17 hexadecimal digits, and a mask has 16",
		"0x":                  "not a mask",
		"0xg":                 "not a mask",
		"0x+1":                "not a mask",
		"0x1_0":               "not a mask",
		"0x10000000000000000": "no more than 16",
		"NET_ADMIN,CHOWN":     "unknown capability",
		"FROBNICATE":          "nor a file",
	} {
		if got, err := ParseArgument(text, exists); err == nil || !strings.Contains(err.Error(), mentions) {
			t.Errorf("ParseArgument(%q) = %+v, %v; want an error with %q", text, got, err, mentions)
		}
	}
}

// FuzzParseArgument: one meaning at most, and the meaning reads back.
func FuzzParseArgument(f *testing.F) {
	for _, seed := range []string{"NET_ADMIN", "12", "CAP_41", "00000000a80425fb", "0xa80425fb", "profile.json", "./chown", "-", "", "0x", "é", "64"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, there bool) {
		got, err := ParseArgument(text, func(string) bool { return there })
		if err != nil {
			if got != (Argument{}) {
				t.Fatalf("%q is an error and %+v", text, got)
			}
			return
		}
		switch got.Kind {
		case KindCapability:
			again, err := ParseArgument(got.Capability.String(), func(string) bool { return false })
			if got.Capability > capability.Max || err != nil || again != got {
				t.Fatalf("%q is %+v, whose name is %+v, %v", text, got, again, err)
			}
		case KindMask:
			again, err := ParseArgument(got.Mask.Mask(), func(string) bool { return true })
			if err != nil || again != got {
				t.Fatalf("%q is %+v, whose mask is %+v, %v", text, got, again, err)
			}
		case KindProfile:
			if got.Path != text {
				t.Fatalf("%q is the profile %q", text, got.Path)
			}
		default:
			t.Fatalf("%q is of kind %q", text, got.Kind)
		}
	})
}
