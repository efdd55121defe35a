package live

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// The states of a socket in /proc/net (include/net/tcp_states.h). A socket of UDP that
// is connected is established, one that is not is closed.
const (
	tcpListen = 10
	udpClosed = 7
)

// The ports that the kernel picks from where a program asks for none, in a network
// namespace that nobody changed (ip_local_port_range, ip-sysctl.rst).
const firstEphemeral, lastEphemeral = 32768, 60999

// socket is one of /proc/net, of either version of IP.
type socket struct {
	scenario.Socket
	address net.IP
	inode   uint64
}

// Listening are the sockets of the container's network namespace that listen, as
// engine.Container says; sorted, and each port once. Its errors are those of Processes.
func (c Container) Listening() ([]scenario.Socket, error) {
	sockets, err := c.sockets()
	if err != nil {
		return nil, err
	}
	// The number may be another process's by now, and so was what has been read.
	if c.SharedNetwork {
		sockets, err = c.own(sockets)
	} else {
		_, err = c.directories()
	}
	if err != nil {
		return nil, err
	}
	return offered(sockets), nil
}

// offered are the sockets that others may talk to.
func offered(sockets []socket) []scenario.Socket {
	var all []scenario.Socket
	for _, s := range sockets {
		if s.Port >= firstEphemeral && s.Port <= lastEphemeral && (s.Protocol == "udp" || s.address.IsLoopback()) {
			continue
		}
		all = append(all, s.Socket)
	}
	slices.SortFunc(all, func(a, b scenario.Socket) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	return slices.Compact(all)
}

// sockets are those that listen in the network namespace of the first process.
func (c Container) sockets() ([]socket, error) {
	// /proc/PID/net is that process's, whatever namespace we are in.
	of, err := procfs.NewFS(filepath.Join(procfs.DefaultMountPoint, strconv.Itoa(c.PID)))
	if err != nil {
		return nil, notRunning(err)
	}
	tables := []table{
		{"udp", udpClosed, func() (procfs.NetIPSocket, error) { s, err := of.NetUDP(); return procfs.NetIPSocket(s), err }},
		{"udp", udpClosed, func() (procfs.NetIPSocket, error) { s, err := of.NetUDP6(); return procfs.NetIPSocket(s), err }},
	}
	found, err := c.tcpListening()
	if err != nil {
		// Whatever it was, /proc has the same, for everybody, and slowly.
		tables = append(tables,
			table{"tcp", tcpListen, func() (procfs.NetIPSocket, error) { s, err := of.NetTCP(); return procfs.NetIPSocket(s), err }},  //nolint:staticcheck // deprecated for its speed
			table{"tcp", tcpListen, func() (procfs.NetIPSocket, error) { s, err := of.NetTCP6(); return procfs.NetIPSocket(s), err }}) //nolint:staticcheck // likewise
	}
	for _, t := range tables {
		more, err := t.sockets()
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// table is one of /proc/net.
type table struct {
	protocol string
	// state is that of the sockets that count.
	state uint64
	read  func() (procfs.NetIPSocket, error)
}

func (t table) sockets() ([]socket, error) {
	lines, err := t.read()
	if errors.Is(err, fs.ErrNotExist) {
		// A kernel without IPv6, or a process that has ended: the check of its cgroup
		// tells.
		return nil, nil
	}
	if err != nil {
		return nil, notRunning(err)
	}
	var found []socket
	for _, line := range lines {
		if line.St == t.state && line.LocalPort != 0 {
			found = append(found, socket{scenario.Socket{Protocol: t.protocol, Port: int(line.LocalPort)}, line.LocalAddr, line.Inode})
		}
	}
	return found, nil
}

// own are those of the sockets that a process of the container has open.
func (c Container) own(sockets []socket) ([]socket, error) {
	members, err := c.members()
	if err != nil {
		return nil, err
	}
	open := map[string]bool{}
	for _, pid := range members {
		process, err := procfs.NewProc(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		targets, err := process.FileDescriptorTargets()
		switch {
		case Gone(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("%w: %w", engine.ErrUnseen, err)
		}
		for _, target := range targets {
			if strings.HasPrefix(target, "socket:") {
				open[target] = true
			}
		}
	}
	return slices.DeleteFunc(sockets, func(s socket) bool { return !open[fmt.Sprintf("socket:[%d]", s.inode)] }), nil
}
