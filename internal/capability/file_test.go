package capability

import "testing"

// netRawAttribute is what setcap(8) writes for cap_net_raw+ep.
const netRawAttribute = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestTheSetOfAFile(t *testing.T) {
	const full = "\xff\xff\xff\xff"
	for name, tc := range map[string]struct {
		attribute string
		want      Set
		bad       bool
	}{
		"revision 1":        {"\x00\x00\x00\x01\x00\x20\x00\x00" + full, Of(NetRaw), false},
		"revision 2":        {netRawAttribute, Of(NetRaw), false},
		"its upper half":    {"\x01\x00\x00\x02\x01\x00\x00\x00" + full + "\x80\x00\x00\x00" + full, Of(Chown, BPF), false},
		"revision 3":        {"\x01\x00\x00\x03\x01\x00\x00\x00" + full + "\x00\x00\x00\x00" + full + "\xe8\x03\x00\x00", Of(Chown), false},
		"unknown revision":  {"\x01\x00\x00\x04" + full + full + full + full, 0, true},
		"torn":              {netRawAttribute[:19], 0, true},
		"nothing":           {"", 0, true},
		"revision 2 with 3": {netRawAttribute + full, 0, true},
	} {
		got, err := OfFile([]byte(tc.attribute))
		if got != tc.want || (err != nil) != tc.bad {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tc.want)
		}
	}
}

func FuzzOfFile(f *testing.F) {
	f.Add([]byte(netRawAttribute))
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, attribute []byte) {
		if set, err := OfFile(attribute); err != nil && !set.Empty() {
			t.Fatalf("%x: %s with %v", attribute, set, err)
		}
	})
}
