package capability

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestParseTakesEverySpelling(t *testing.T) {
	for _, spelling := range []string{"CAP_NET_ADMIN", "cap_net_admin", "NET_ADMIN", "net_admin", "12", " CAP_12 "} {
		c, err := Parse(spelling)
		if err != nil || c != NetAdmin {
			t.Errorf("Parse(%q) = %v, %v; want CAP_NET_ADMIN", spelling, c, err)
		}
	}
	for _, bad := range []string{"", "NET", "CAP_", "64", "-1", "NET_ADMIN,CHOWN"} {
		if c, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", bad, c)
		}
	}
}

func TestUnknownNumbersKeepTheirNumber(t *testing.T) {
	c, err := Parse("CAP_41")
	if err != nil || c.String() != "CAP_41" || c.Short() != "CAP_41" {
		t.Fatalf("Parse(CAP_41) = %v (%s), %v", c, c.Short(), err)
	}
	var s Set
	if err := json.Unmarshal([]byte(`["CAP_63","CAP_CHOWN"]`), &s); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(s)
	if err != nil || string(out) != `["CAP_63","CAP_CHOWN"]` {
		t.Fatalf("round trip gave %s, %v", out, err)
	}
}

func TestDockerDefaultIsTheKernelMask(t *testing.T) {
	// The mask that /proc/self/status shows in a container of dockerd 20.10 to 28.
	if got := DockerDefault.Mask(); got != "00000000a80425fb" {
		t.Fatalf("mask %s, want 00000000a80425fb", got)
	}
}

func TestDangerRanksEveryKnownCapabilityOnce(t *testing.T) {
	sorted := slices.Sorted(slices.Values(dangerOrder))
	if !slices.Equal(sorted, Known().Slice()) {
		t.Fatalf("the order holds %v, the table %v", sorted, Known().Slice())
	}
	if Danger(DACOverride) >= Danger(DACReadSearch) || Danger(Perfmon) >= Danger(SysAdmin) || Danger(SysAdmin) >= Danger(Cap(41)) {
		t.Fatal("a weaker alternative ranks above a stronger one")
	}
}

func TestParseSet(t *testing.T) {
	s, err := ParseSet("CHOWN,cap_kill", "12")
	if err != nil || s != Of(Chown, Kill, NetAdmin) {
		t.Fatalf("ParseSet = %v, %v", s, err)
	}
	if all, err := ParseSet("all"); err != nil || all != Known() || all.Len() < 41 {
		t.Fatalf("ParseSet(all) = %v, %v", all, err)
	}
	if _, err := ParseSet("CHOWN,NOPE"); err == nil {
		t.Fatal("an unknown name passed")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"CAP_CHOWN", "41", "cap_", "é", "CAP_CAP_CHOWN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c, err := Parse(name)
		if err != nil {
			return
		}
		again, err := Parse(c.String())
		if err != nil || again != c {
			t.Fatalf("Parse(%q) = %v, whose name reads back as %v, %v", name, c, again, err)
		}
	})
}
