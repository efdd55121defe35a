package docker

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
)

func TestDecodeFileCapabilities(t *testing.T) {
	for _, c := range []struct {
		name      string
		attribute string
		want      capability.Set
		bad       bool
	}{
		{name: "none", attribute: ""},
		// What setcap cap_net_raw+ep writes.
		{name: "ping", attribute: "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", want: capability.Of(capability.NetRaw)},
		{name: "high word", attribute: "\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00", want: capability.Of(capability.BPF)},
		{name: "with a root user", attribute: "\x01\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00", want: capability.Of(capability.NetBindService)},
		{name: "cut", attribute: "\x01\x00\x00\x02\x00", bad: true},
		{name: "unknown revision", attribute: "\x01\x00\x00\x09\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodeFileCapabilities([]byte(c.attribute))
			if got != c.want || (err != nil) != c.bad {
				t.Fatalf("%v, %v; want %v, error %v", got, err, c.want, c.bad)
			}
		})
	}
}

func FuzzDecodeFileCapabilities(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, attribute []byte) {
		if set, err := decodeFileCapabilities(attribute); err != nil && !set.Empty() {
			t.Fatalf("an error and the set %v", set)
		}
	})
}
