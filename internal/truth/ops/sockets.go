package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// socketOperations make and set up sockets.
var socketOperations = map[string]operation{
	"raw6":          func([]string) error { return open(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6) },
	"packet":        func([]string) error { return open(unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"ping-socket":   func([]string) error { return open(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP) },
	"mark":          func([]string) error { return option(unix.SO_MARK, 7) },
	"priority-high": func([]string) error { return option(unix.SO_PRIORITY, 7) },
	"priority-low":  func([]string) error { return option(unix.SO_PRIORITY, 6) },
	"receive-force": func([]string) error { return force(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF) },
	"send-force":    func([]string) error { return force(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF) },
	"rebind-device": rebindDevice,
	"bind-udp-53":   func([]string) error { return bind(unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Port: 53}) },
	"bind-tcp6-80":  func([]string) error { return bind(unix.AF_INET6, unix.SOCK_STREAM, &unix.SockaddrInet6{Port: 80}) },
	"bind-tcp-8080": func([]string) error { return bind(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: 8080}) },
	"bind-vsock-22": func([]string) error {
		return bind(unix.AF_VSOCK, unix.SOCK_STREAM, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: 22})
	},
	"delete-arp":     deleteARP,
	"iptables-info":  iptablesInfo,
	"port-fallback":  portFallback,
	"force-or-plain": forceOrPlain,
	"raw-or-ping":    rawOrPing,
}

func open(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	now, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && now != kind {
		return fmt.Errorf("the socket's type is %d", now)
	}
	return err
}

// datagram is a plain socket for what follows.
func datagram(use func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return use(fd)
}

// option sets an option of the socket level: socket(7).
func option(name, value int) error {
	return datagram(func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, value); err != nil {
			return err
		}
		now, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, name)
		// The kernel doubles the size of buffers.
		if err == nil && now != value && now != 2*value {
			return fmt.Errorf("the option is %d", now)
		}
		return err
	})
}

// force makes a buffer larger than the machine's limit, net.core.rmem_max or
// wmem_max, lets a plain request have it.
func force(name, size int) error {
	const large = 64 << 20
	return datagram(func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, large); err != nil {
			return err
		}
		now, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, size)
		if err == nil && now < large {
			return fmt.Errorf("the buffer has %d bytes", now)
		}
		return err
	})
}

// rebindDevice ties a socket to an interface twice: the first time is free.
func rebindDevice([]string) error {
	return datagram(func(fd int) error {
		for range 2 {
			if err := unix.BindToDevice(fd, "lo"); err != nil {
				return err
			}
		}
		device, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
		if err == nil && device != "lo" {
			return fmt.Errorf("tied to %q", device)
		}
		return err
	})
}

func bind(family, kind int, address unix.Sockaddr) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, address); err != nil {
		return err
	}
	now, err := unix.Getsockname(fd)
	if err == nil && portOf(now) != portOf(address) {
		return fmt.Errorf("bound to port %d", portOf(now))
	}
	return err
}

func portOf(address unix.Sockaddr) int {
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	case *unix.SockaddrVM:
		return int(a.Port)
	}
	return 0
}

// deleteARP removes an entry that isn't there: arp(7). The table is asked after
// the capability.
func deleteARP([]string) error {
	return datagram(func(fd int) error {
		// struct arpreq, the address 127.0.0.9 in it.
		request := [68]byte{unix.AF_INET, 0, 0, 0, 127, 0, 0, 9}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCDARP, pointer(&request))
		return refusal(errno)
	})
}

// iptablesInfo asks for a table as iptables-legacy does: CAP_NET_RAW for the
// socket, and only then CAP_NET_ADMIN for the table.
func iptablesInfo([]string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const getInfo = 64 // IPT_SO_GET_INFO, linux/netfilter_ipv4/ip_tables.h
	info := [84]byte{'f', 'i', 'l', 't', 'e', 'r'}
	size := uint32(len(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, getInfo, pointer(&info), pointer(&size), 0)
	if errno != 0 {
		return errno
	}
	if entries := binary.NativeEndian.Uint32(info[76:]); entries == 0 {
		return errors.New("the table has no entries, not even its policies")
	}
	return nil
}

// portFallback listens on port 80, or on 8080 where it may not.
func portFallback([]string) error {
	if bind(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: 80}) == nil {
		return nil
	}
	return bind(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: 8080})
}

// forceOrPlain asks for a large buffer by force, or else in the plain way.
func forceOrPlain([]string) error {
	if option(unix.SO_RCVBUFFORCE, 1<<20) == nil {
		return nil
	}
	return option(unix.SO_RCVBUF, 1<<20)
}

// rawOrPing opens a raw socket, or else the one that ping_group_range allows.
func rawOrPing([]string) error {
	if open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) == nil {
		return nil
	}
	return open(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
}
