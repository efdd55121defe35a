package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

const (
	portStart = "net.ipv4.ip_unprivileged_port_start"
	pingRange = "net.ipv4.ping_group_range"
)

// TestPortable finds what a workload needs where the engine does not open low ports
// and ping, as Docker does.
func TestPortable(t *testing.T) {
	e := engineOf(t)
	for _, c := range []struct {
		name  string
		image imageName
		flags []string
		// more are capprof's own flags.
		more    []string
		command []string
		want    []string
		// verdict is the portable answer's, "" for none.
		verdict  profile.Verdict
		portable []string
		sysctls  []string
		says     string
	}{
		{
			name: "server", image: scratch, command: privop("chown", "+", "bind-80"), want: caps("CHOWN"),
			verdict: profile.Proven, portable: caps("CHOWN", "NET_BIND_SERVICE"), sysctls: []string{portStart},
		},
		{name: "server on 1024", image: scratch, command: privop("bind-80"), flags: port1024, want: caps("NET_BIND_SERVICE")},
		{
			name: "server, not proven", image: scratch, more: []string{"--no-prove"}, command: privop("bind-80"), want: caps(),
			verdict: profile.Confirmed, portable: caps("NET_BIND_SERVICE"), sysctls: []string{portStart},
		},
		{
			name: "server, not traced", image: scratch, more: []string{"--no-trace"}, command: privop("bind-80"), want: caps(),
			verdict: profile.Proven, portable: caps("NET_BIND_SERVICE"), sysctls: []string{portStart, pingRange},
		},
		{
			name: "server, not root", image: scratch, flags: []string{"--user", "1000"}, command: privop("bind-80"), want: caps(),
			verdict: profile.Failed, portable: caps(), sysctls: []string{portStart}, says: "with " + portStart + "=0 on the target",
		},
		{
			name: "ping socket", image: scratch, command: privop("ping-socket"), want: caps(),
			verdict: profile.Proven, portable: caps("NET_RAW"), sysctls: []string{pingRange},
		},
		{
			// Its file capabilities ask for NET_RAW in any case.
			name: "ping", image: debian, command: []string{"ping", "-c1", "-W1", "127.0.0.1"}, want: caps("NET_RAW"),
			verdict: profile.Proven, portable: caps("NET_RAW"), sysctls: []string{pingRange},
		},
		{
			name: "nginx", image: debian, command: named(t, "nginx-stdout").argv(t), want: caps("CHOWN", "SETGID", "SETUID"),
			verdict: profile.Proven, portable: caps("CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"), sysctls: []string{portStart},
		},
		{name: "no network", image: scratch, command: privop("chown"), want: caps("CHOWN")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			result, document := profiled(t, e, workload{image: c.image, flags: c.flags, command: c.command}, c.more...)
			result.expect(t, exitProven)
			if got, want := document.Capabilities.Required, setOf(t, c.want); got != want {
				t.Errorf("required: %s, want %s", got, want)
			}
			p := document.Portable
			if c.verdict == "" {
				if p != nil {
					t.Errorf("portable: %+v", p)
				}
				return
			}
			if p == nil {
				t.Fatalf("no portable answer; the container's sysctls are %q", document.Environment.Sysctls)
			}
			if p.Verdict != c.verdict || p.Capabilities.Required != setOf(t, c.portable) {
				t.Errorf("portable: %s %s, want %s %s\nreasons: %q", p.Verdict, p.Capabilities.Required, c.verdict, setOf(t, c.portable), p.Reasons)
			}
			for _, name := range []string{portStart, pingRange} {
				if _, has := p.Sysctls[name]; has != slices.Contains(c.sysctls, name) {
					t.Errorf("it was found with %q", p.Sysctls)
				}
			}
			if !strings.Contains(strings.Join(p.Reasons, "\n"), c.says) {
				t.Errorf("the reasons do not say %q: %q", c.says, p.Reasons)
			}
		})
	}
}

// TestPortableOnTheHostsNetwork: the sysctls are the host's there, and where those
// are the kernel's defaults, there is no other answer to look for.
func TestPortableOnTheHostsNetwork(t *testing.T) {
	result, document := profiled(t, engineOf(t), workload{image: scratch, flags: []string{"--network", "host"}, command: privop("bind-80")})
	result.expect(t, exitProven)
	p := document.Portable
	if document.Environment.Sysctls[portStart] == "1024" {
		if p != nil || document.Capabilities.Required != capability.Of(capability.NetBindService) {
			t.Errorf("required %s, portable %+v", document.Capabilities.Required, p)
		}
		return
	}
	if p == nil || p.Verdict != profile.Incomplete || !strings.Contains(p.Reasons[0], "--network host") {
		t.Errorf("portable: %+v", p)
	}
}
