package mapper

import (
	"regexp"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// Every entry names what it stands for and where that is to be read.
func TestEverySiteIsCited(t *testing.T) {
	citation := regexp.MustCompile(`^[a-z0-9_/]+/[a-z0-9_]+\.[ch]:[a-z0-9_]+`)
	function := regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	entries := 0
	for _, table := range [][]site{fileSites, processSites, networkSites, systemSites} {
		for _, s := range table {
			entries++
			if len(s.functions) == 0 || s.meaning == "" || !citation.MatchString(s.source) {
				t.Errorf("%v: meaning %q, source %q", s.functions, s.meaning, s.source)
			}
			for _, f := range s.functions {
				if !function.MatchString(f) || wrappers[f] || strings.HasPrefix(f, "__do_sys_") {
					t.Errorf("%q can't be found in a stack", f)
				}
			}
			if strings.HasSuffix(s.meaning, ".") {
				t.Errorf("%v: a full stop", s.functions)
			}
		}
	}
	if entries < 100 {
		t.Errorf("%d entries", entries)
	}
}

// An entry behind another one of the same function that covers all of its
// capabilities would never be found.
func TestNoSiteIsHidden(t *testing.T) {
	for name, entries := range sites {
		for i, s := range entries {
			for _, before := range entries[:i] {
				if before.caps.Empty() && len(before.calls) == 0 || before == s {
					t.Errorf("%s: %q hides %q", name, before.source, s.source)
				}
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		name     string
		call     string
		cap      capability.Cap
		stack    []string
		function string
		known    bool
		netlink  bool
	}{
		{name: "behind the wrappers", cap: capability.Chown, stack: []string{"security_capable", "ns_capable_common", "capable_wrt_inode_uidgid", "setattr_prepare"}, function: "setattr_prepare", known: true},
		{name: "past a helper that was not inlined", cap: capability.NetAdmin, stack: []string{"capable", "new_helper.constprop.0", "dev_ioctl"}, function: "dev_ioctl", known: true},
		{name: "a system call's own function", cap: capability.SysChroot, stack: []string{"ns_capable", "__arm64_sys_chroot"}, function: "__arm64_sys_chroot", known: true},
		{name: "unknown", cap: capability.SysAdmin, stack: []string{"capable", "new_thing", "newer_thing"}, function: "new_thing"},
		{name: "no stack", cap: capability.SysAdmin},
		{name: "wrappers only", cap: capability.SysAdmin, stack: []string{"capable", "ns_capable"}},
		{name: "netlink, sending", call: "sendto", cap: capability.NetAdmin, stack: []string{"ns_capable", "rtnetlink_rcv_msg", "netlink_rcv_skb"}, function: "rtnetlink_rcv_msg", known: true, netlink: true},
		{name: "netlink, receiving", call: "recvmsg", cap: capability.NetAdmin, stack: []string{"netlink_net_capable", "tcp_diag_dump", "netlink_dump"}, function: "tcp_diag_dump", known: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := placeOf(observation.Check{Capability: c.cap, Stack: c.stack}, c.call)
			if p.function != c.function || (p.entry != nil) != c.known || p.netlink != c.netlink {
				t.Fatalf("got %+v", p)
			}
		})
	}
}
