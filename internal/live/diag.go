package live

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/scenario"
)

// Of sock_diag(7) (linux/sock_diag.h, linux/inet_diag.h).
const (
	sockDiagByFamily = 20
	diagRequestSize  = 56
	diagMessageSize  = 72
)

// tcpListening asks the kernel for the TCP sockets that listen in the network namespace
// of the first process. Unlike /proc/net/tcp, for which the kernel walks through a table
// of connections as large as the machine, that is a matter of the listening ones. It
// takes CAP_SYS_ADMIN and a kernel with CONFIG_INET_DIAG.
func (c Container) tcpListening() ([]socket, error) {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.PID))
	if err != nil {
		return nil, err
	}
	defer namespace.Close()
	kernel, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, &netlink.Config{NetNS: int(namespace.Fd())})
	if err != nil {
		return nil, err
	}
	defer kernel.Close()
	var found []socket
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		request := make([]byte, diagRequestSize)
		request[0], request[1] = family, unix.IPPROTO_TCP
		binary.NativeEndian.PutUint32(request[4:], 1<<tcpListen)
		answers, err := kernel.Execute(netlink.Message{
			Header: netlink.Header{Type: sockDiagByFamily, Flags: netlink.Request | netlink.Dump},
			Data:   request,
		})
		if err != nil {
			return nil, err
		}
		for _, answer := range answers {
			if len(answer.Data) < diagMessageSize {
				return nil, fmt.Errorf("sock_diag: a socket in %d bytes", len(answer.Data))
			}
			found = append(found, diagSocket(answer.Data))
		}
	}
	return found, nil
}

// diagSocket reads a struct inet_diag_msg: the family is at 0, the port at 4, the
// address at 8, the inode at 68.
func diagSocket(message []byte) socket {
	size := net.IPv4len
	if message[0] == unix.AF_INET6 {
		size = net.IPv6len
	}
	return socket{
		scenario.Socket{Protocol: "tcp", Port: int(binary.BigEndian.Uint16(message[4:]))},
		net.IP(message[8 : 8+size]), uint64(binary.NativeEndian.Uint32(message[68:])),
	}
}
