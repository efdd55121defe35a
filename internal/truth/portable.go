package main

import (
	"runtime"
	"slices"
)

// strictPings leaves ICMP datagram sockets to nobody, as a plain host does.
var strictPings = []string{"--sysctl", "net.ipv4.ping_group_range=1 0"}

// strictBoth is a container on an engine that keeps the kernel's defaults.
var strictBoth = slices.Concat(strictPorts, strictPings)

// unreached is why a capability does not help an ordinary user.
const unreached = "Docker gives an ordinary user nothing of what it adds"

// portableCases are compared twice: as Docker runs them, and as engines do that keep
// the kernel's defaults.
var portableCases = []testCase{
	{group: portables, name: "bind-tcp-80", command: []string{"/privop", "bind-80"}, strict: strictBoth},
	{group: portables, name: "bind-udp-53", command: []string{"/ops", "bind-udp-53"}, strict: strictBoth},
	{group: portables, name: "bind-tcp6-80", command: []string{"/ops", "bind-tcp6-80"}, strict: strictBoth},
	{group: portables, name: "bind-tcp-8080", command: []string{"/ops", "bind-tcp-8080"}, strict: strictBoth},
	{group: portables, name: "bind-and-others", command: []string{"/privop", "chown", "+", "bind-80", "+", "drop"}, strict: strictBoth},
	{group: portables, name: "bind-by-ring", command: []string{"/ops", "ring-bind"}, strict: strictBoth},
	{
		group: portables, name: "bind-32bit", command: []string{"/ops", "bind-80-32bit"}, strict: strictBoth,
		absent: func() string {
			if runtime.GOARCH != "amd64" {
				return "there is no second table of calls"
			}
			return ""
		},
	},
	{
		group: portables, name: "bind-as-user", command: []string{"/privop", "bind-80"}, flags: asUser, strict: strictBoth,
		noSetStrict: unreached,
	},
	{group: portables, name: "bind-by-file-capability", command: []string{"/port-ops", "bind-udp-53"}, flags: asUser, strict: strictBoth},
	{group: portables, name: "fallback-port", command: []string{"/ops", "port-fallback"}, strict: strictBoth},
	{
		group: portables, name: "ping-socket", command: []string{"/ops", "ping-socket"}, strict: strictBoth,
		noSetStrict: "nobody's group may have such a socket",
	},
	{group: portables, name: "ping-or-raw", command: []string{"/privop", "ping-socket"}, strict: strictBoth},
	{group: portables, name: "raw-or-ping", command: []string{"/ops", "raw-or-ping"}, strict: strictBoth},
	{
		group: portables, name: "ping-or-raw-and-bind", command: []string{"/privop", "ping-socket", "+", "bind-80"}, strict: strictBoth,
	},
	{
		group: portables, name: "ping-with-own-sysctl", command: []string{"/privop", "ping-socket", "+", "bind-80"}, strict: strictPings,
		flags: []string{"--sysctl", "net.ipv4.ip_unprivileged_port_start=0"},
	},
}
