package main

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// shell is a script run by bash as process 1.
func shell(script string) []string { return []string{"bash", "-c", script} }

// Steps of the scripts. Each needs what its name says, and a script that puts them
// together is not monotone: it fails with more than it passes with.
const (
	// tryChown succeeds with CHOWN, and nothing is lost where it fails.
	tryChown  = "touch /tmp/f; chown 1 /tmp/f 2>/dev/null"
	becomes   = "setpriv --reuid 1000 true" // SETUID
	drops     = "setpriv --reuid 1000 --clear-groups true"
	changes   = "chroot / true"         // SYS_CHROOT
	makesNode = "mknod /tmp/node c 1 3" // MKNOD
	bindsPort = `perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(80, INADDR_LOOPBACK)) or exit 1'`
	// keys may be read by alice alone, in a directory that she alone may enter.
	keys = "/home/alice/.ssh"
)

// dependentCases are programs in which one need depends on another: a step that
// succeeds makes the next one needed, or what stands in for a capability is several
// together. Any minimal set is right for them, and all are known: brute force runs
// every combination of the capabilities in among.
var dependentCases = slices.Concat(needsThatAppear, waysThatDiffer, worseWithMore, dependentElsewhere)

// needsThatAppear need one more capability where they have another, and pass without
// both.
var needsThatAppear = []testCase{
	{
		group: dependent, name: "owner-then-write", image: debian, among: capability.Of(capability.Chown, capability.DACOverride, capability.SetUID),
		command: shell("mkdir /d; chown 1000 /d || true; touch /d/x && " + becomes),
	},
	{
		group: dependent, name: "owner-then-user", image: debian, among: ownerAndUser,
		command: shell("if " + tryChown + "; then " + drops + " || exit 2; fi; " + changes),
	},
	{
		group: dependent, name: "owner-then-user-at-last", image: debian, among: ownerAndUser,
		command: shell(changes + " || exit 1; if " + tryChown + "; then " + drops + "; fi"),
	},
	{
		group: dependent, name: "owner-then-user-in-child", image: debian, among: ownerAndUser,
		command: shell("(if " + tryChown + "; then exec " + drops + "; fi) || exit 2; " + changes),
	},
	{
		group: dependent, name: "user-then-owner", image: debian,
		among:   capability.Of(capability.SetUID, capability.SetGID, capability.Chown, capability.MkNod),
		command: shell("if " + drops + " 2>/dev/null; then " + tryChown + " || exit 2; fi; " + makesNode),
	},
	{
		group: dependent, name: "node-then-root", image: debian, among: capability.Of(capability.MkNod, capability.SysChroot, capability.Chown),
		command: shell("if " + makesNode + " 2>/dev/null; then " + changes + " || exit 2; fi; " + tryChown),
	},
	{
		group: dependent, name: "owner-then-mode", image: debian, among: capability.Of(capability.Chown, capability.FOwner, capability.SysChroot),
		command: shell(tryChown + "; chmod 600 /tmp/f && " + changes),
	},
	{
		// The kernel drops the bit in silence where the file is another group's.
		group: dependent, name: "group-then-bit", image: debian, among: capability.Of(capability.Chown, capability.FSetID, capability.SysChroot),
		command: shell("touch /tmp/f; chgrp 1000 /tmp/f 2>/dev/null; chmod g+s /tmp/f; test -g /tmp/f && " + changes),
	},
	{
		// Without NET_RAW execve of ping is refused: it has file capabilities.
		group: dependent, name: "ping-then-link", image: debian, among: capability.Of(capability.NetRaw, capability.NetAdmin, capability.SysChroot),
		command: shell("if ping -c1 -W1 127.0.0.1 >/dev/null 2>&1; then ip link set lo down || exit 2; fi; " + changes),
	},
	{
		group: dependent, name: "two-appear", image: debian,
		among:   capability.Of(capability.Chown, capability.SetUID, capability.MkNod, capability.SysChroot),
		command: shell("if " + tryChown + "; then " + becomes + " && " + makesNode + " || exit 2; fi; " + changes),
	},
	{
		group: dependent, name: "chain-of-three", image: debian,
		among: capability.Of(capability.Chown, capability.SetUID, capability.MkNod, capability.FOwner, capability.SysChroot),
		command: shell("if " + tryChown + "; then " + becomes + " || exit 2; if " + makesNode +
			" 2>/dev/null; then chmod 600 /tmp/f || exit 3; fi; fi; " + changes),
	},
	{
		group: dependent, name: "user-by-sudo", image: debian, flags: asUser,
		among:   capability.Of(capability.NetRaw, capability.Chown, capability.SetUID, capability.SetGID),
		command: shell("sudo -n true || exit 1; if ping -c1 -W1 127.0.0.1 >/dev/null 2>&1; then touch /tmp/f; sudo -n chown 1 /tmp/f || exit 2; fi"),
	},
}

// ownerAndUser is all that matters to a script that changes an owner, a user and
// its root.
var ownerAndUser = capability.Of(capability.Chown, capability.SetUID, capability.SetGID, capability.SysChroot)

// waysThatDiffer pass in one of several ways, for which one capability or several
// together are needed.
var waysThatDiffer = []testCase{
	{
		group: dependent, name: "two-or-one", image: debian, among: capability.Of(capability.Chown, capability.SetUID, capability.SysChroot),
		command: shell("{ " + tryChown + " && " + becomes + "; } || " + changes),
	},
	{
		group: dependent, name: "one-or-two", image: debian, among: capability.Of(capability.SysAdmin, capability.Chown, capability.MkNod),
		command: shell("mount -t tmpfs none /mnt 2>/dev/null || { " + tryChown + " && " + makesNode + "; }"),
	},
	{
		group: dependent, name: "pair-or-pair", image: debian,
		among:   capability.Of(capability.Chown, capability.MkNod, capability.SetUID, capability.SysChroot),
		command: shell("{ " + tryChown + " && " + makesNode + "; } || { " + becomes + " && " + changes + "; }"),
	},
	{
		group: dependent, name: "three-or-another", image: debian,
		among:   capability.Of(capability.Chown, capability.SetUID, capability.MkNod, capability.SysChroot),
		command: shell("if " + tryChown + "; then " + becomes + " && " + makesNode + "; else " + changes + "; fi"),
	},
	{
		group: dependent, name: "read-or-write-and-node", image: debian,
		among:   capability.Of(capability.DACReadSearch, capability.DACOverride, capability.MkNod),
		command: shell("cat " + keys + "/authorized_keys >/dev/null || exit 1; if echo >>" + keys + "/new 2>/dev/null; then " + makesNode + "; fi"),
	},
}

// worseWithMore fail where a step succeeds, whatever else they have.
var worseWithMore = []testCase{
	{
		// As entrypoints do that leave root when they can, to a user who may not write
		// what root may.
		group: dependent, name: "leaves-root-when-it-can", image: debian, among: ownerAndUser.Without(capability.Chown),
		command: shell(changes + " || exit 1; mkdir -m 700 /d; if " + drops +
			" 2>/dev/null; then exec setpriv --reuid 1000 --clear-groups touch /d/x; fi; touch /d/x"),
	},
	{
		// As programs do that warn of a container with too much.
		group: dependent, name: "refuses-what-may-mount", image: debian, among: capability.Of(capability.SysAdmin, capability.MkNod),
		command: shell("if mount -t tmpfs none /mnt 2>/dev/null; then exit 2; fi; " + makesNode),
	},
}

// dependentElsewhere are the same where the engine keeps the kernel's defaults, and
// where --privileged is replaced.
var dependentElsewhere = []testCase{
	{
		group: dependent, name: "owner-then-port", image: debian, strict: strictPorts,
		among:   capability.Of(capability.Chown, capability.NetBindService, capability.SysChroot),
		command: shell("if " + tryChown + "; then " + bindsPort + " || exit 2; fi; " + changes),
	},
	{
		group: dependent, name: "port-then-owner", image: debian, strict: strictPorts,
		among:   capability.Of(capability.Chown, capability.NetBindService, capability.SysChroot),
		command: shell("if " + bindsPort + "; then " + tryChown + "; else " + changes + "; fi"),
	},
	{
		group: dependent, name: "owner-then-device", image: debian, relaxations: []string{"--device " + fuse}, absent: absentPath(fuse),
		among:   capability.Of(capability.Chown, capability.SysChroot),
		command: shell("if " + tryChown + "; then exec 3<" + fuse + " || exit 2; fi; " + changes),
	},
	{
		group: dependent, name: "device-then-owner", image: debian, relaxations: []string{"--device " + fuse}, absent: absentPath(fuse),
		among:   capability.Of(capability.Chown, capability.SysChroot),
		command: shell("if (exec 3<" + fuse + ") 2>/dev/null; then " + tryChown + " || exit 2; fi; " + changes),
	},
}
