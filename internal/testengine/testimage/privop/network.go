package main

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// networkOperations use sockets.
var networkOperations = map[string]operation{
	"raw-socket":  rawSocket,
	"ping-socket": pingSocket,
	"bind-80":     bind80,
	"link-up":     linkUp,
	"link-down":   linkDown,
	"connect":     connect,
}

// rawSocket opens a raw socket: CAP_NET_RAW.
func rawSocket([]string, streams) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && kind != unix.SOCK_RAW {
		return fmt.Errorf("the socket's type is %d", kind)
	}
	return err
}

// pingSocket opens a socket for ICMP datagrams, which is up to the sysctl
// net.ipv4.ping_group_range, or else a raw one, as ping(8) does.
func pingSocket([]string, streams) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return rawSocket(nil, streams{})
	}
	return unix.Close(fd)
}

// bind80 listens on a port below 1024: CAP_NET_BIND_SERVICE where the sysctl
// net.ipv4.ip_unprivileged_port_start is above it; Docker sets it to 0.
func bind80([]string, streams) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:80")
	if err != nil {
		return err
	}
	defer listener.Close()
	connection, err := net.Dial("tcp4", "127.0.0.1:80")
	if err != nil {
		return fmt.Errorf("connecting to it: %w", err)
	}
	return connection.Close()
}

// linkUp brings loopback down and up by ioctl(2): CAP_NET_ADMIN.
func linkUp([]string, streams) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	for _, flags := range []uint16{0, unix.IFF_UP} {
		request.SetUint16(flags)
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
			return fmt.Errorf("reading the flags: %w", err)
		}
		if request.Uint16()&unix.IFF_UP != flags {
			return fmt.Errorf("the flags are %#x", request.Uint16())
		}
	}
	return nil
}

// linkDown takes loopback down by netlink: CAP_NET_ADMIN. sendto(2) succeeds
// whatever happens; the refusal comes back in a message (rtnetlink(7)).
func linkDown([]string, streams) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, setLinkDown(1), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending the request: %w", err)
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return fmt.Errorf("receiving the answer: %w", err)
	}
	if err := acknowledgement(reply[:n]); err != nil {
		return err
	}
	loopback, err := net.InterfaceByIndex(1)
	if err == nil && loopback.Flags&net.FlagUp != 0 {
		return fmt.Errorf("the flags are %v", loopback.Flags)
	}
	return err
}

// connect connects to a port that nobody listens on, which no capability fixes.
func connect([]string, streams) error {
	connection, err := net.Dial("tcp4", "127.0.0.1:9")
	if err != nil {
		return err
	}
	return connection.Close()
}
