package boots

import (
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/scenario"
)

func TestStatusIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		status string
		want   scenario.Process
		there  bool
	}{
		"effective user": {"Name:\tnginx\nState:\tS (sleeping)\nUid:\t0\t33\t33\t33\n", scenario.Process{Name: "nginx", UID: 33}, true},
		"zombie":         {"Name:\tsh\nState:\tZ (zombie)\nUid:\t0\t0\t0\t0\n", scenario.Process{Name: "sh"}, false},
		"gone":           {"", scenario.Process{}, false},
		"spaces":         {"Name:\ttmux: server\nState:\tS\nUid:\t1\t1\t1\t1\n", scenario.Process{Name: "tmux: server", UID: 1}, true},
	} {
		if got, there := process([]byte(test.status)); got != test.want || there != test.there {
			t.Errorf("%s: %+v, %t", name, got, there)
		}
	}
}

func TestTablesOfSocketsAreRead(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue\n"
	tcp := head + "   0: 00000000:0050 00000000:0000 0A 0\n   1: 0100007F:1F90 0100007F:C350 01 0\n   2: 00000000:0016 00000000:0000 0A 0\n"
	udp := head + "   0: 00000000:0035 00000000:0000 07 0\n   1: 00000000:C350 00000000:0000 07 0\n   2: 0100007F:0202 0100007F:0035 01 0\n"
	if got, want := listening("tcp", []byte(tcp)), []scenario.Socket{{Protocol: "tcp", Port: 80}, {Protocol: "tcp", Port: 22}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := listening("udp", []byte(udp)), []scenario.Socket{{Protocol: "udp", Port: 53}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSightsAreCompared(t *testing.T) {
	port, master, worker := scenario.Socket{Protocol: "tcp", Port: 80}, scenario.Process{Name: "nginx"}, scenario.Process{Name: "nginx", UID: 33}
	all := sight{[]scenario.Socket{port}, []scenario.Process{master, worker}}
	rooted := sight{[]scenario.Socket{port}, []scenario.Process{master}}
	if got := rooted.lacks(all); !slices.Equal(got, []string{"no nginx of user 33"}) {
		t.Errorf("%q", got)
	}
	if got := (sight{}).lacks(rooted); !slices.Equal(got, []string{"nobody listens on 80/tcp", "no nginx of user 0"}) {
		t.Errorf("%q", got)
	}
	if got := all.lacks(rooted); got != nil {
		t.Errorf("%q", got)
	}
	if got := all.both(rooted); !got.equal(rooted) || all.equal(rooted) {
		t.Errorf("%+v", got)
	}
}
