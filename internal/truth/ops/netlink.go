package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// netlinkOperations talk to the kernel by messages. The call that sends one
// succeeds; a refusal comes back in the answer (netlink(7)).
var netlinkOperations = map[string]operation{
	"audit-message":         func([]string) error { return auditMessage() },
	"audit-message-ignored": auditMessageIgnored,
	"audit-listen":          auditListen,
	"listen-all-namespaces": listenAllNamespaces,
	"firewall-list":         firewallList,
	"ipsec-flush":           ipsecFlush,
	"link-list":             linkList,
	"link-down-ignored":     linkDownIgnored,
	"list-sockets":          listSockets,
	"audit-status":          func([]string) error { return ask(unix.NETLINK_AUDIT, auditGet, unix.NLM_F_ACK, nil) },
	"change-login":          changeLogin,
}

// Message types without a name in x/sys/unix.
const (
	auditGet        = 1000      // AUDIT_GET, which the kernel answers outside of PID namespaces only
	socketsByFamily = 20        // SOCK_DIAG_BY_FAMILY, linux/sock_diag.h
	auditUser       = 1005      // AUDIT_USER, linux/audit.h
	firewallGet     = 10<<8 | 1 // NFNL_SUBSYS_NFTABLES and NFT_MSG_GETTABLE
	flushStates     = 0x1c      // XFRM_MSG_FLUSHSA, linux/xfrm.h
	allNamespaces   = unix.NETLINK_LISTEN_ALL_NSID
	loginPath       = "/proc/self/loginuid"
	auditReadEvents = 1 // AUDIT_NLGRP_READLOG
)

// ask sends a request and returns the error that the answer holds.
func ask(family int, kind, flags uint16, body []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return fmt.Errorf("opening netlink: %w", err)
	}
	defer unix.Close(fd)
	order := binary.NativeEndian
	var message []byte
	message = order.AppendUint32(message, uint32(unix.SizeofNlMsghdr+len(body)))
	message = order.AppendUint16(message, kind)
	message = order.AppendUint16(message, unix.NLM_F_REQUEST|flags)
	message = order.AppendUint32(message, 1) // sequence number
	message = order.AppendUint32(message, 0) // port: the kernel fills it in
	message = append(message, body...)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	reply := make([]byte, 8192)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	if n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	if order.Uint16(reply[4:]) != unix.NLMSG_ERROR {
		return nil
	}
	if errno := -int32(order.Uint32(reply[unix.SizeofNlMsghdr:])); errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

// auditMessage logs a user's message, as su and sshd do.
func auditMessage() error {
	return ask(unix.NETLINK_AUDIT, auditUser, unix.NLM_F_ACK, []byte("op=truth\x00"))
}

// auditMessageIgnored logs and does not mind the answer.
func auditMessageIgnored([]string) error {
	if err := auditMessage(); err != nil {
		_, err := fmt.Fprintln(os.Stdout, "not logged:", err)
		return err
	}
	return nil
}

// auditListen joins the group that the audit log is sent to.
func auditListen([]string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: auditReadEvents}); err != nil {
		return err
	}
	address, err := unix.Getsockname(fd)
	if now, ok := address.(*unix.SockaddrNetlink); err == nil && (!ok || now.Groups&auditReadEvents == 0) {
		return fmt.Errorf("the address is %+v", address)
	}
	return err
}

// listenAllNamespaces hears of other network namespaces too.
func listenAllNamespaces([]string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, allNamespaces, 1); err != nil {
		return err
	}
	on, err := unix.GetsockoptInt(fd, unix.SOL_NETLINK, allNamespaces)
	if err == nil && on != 1 {
		return fmt.Errorf("the option is %d", on)
	}
	return err
}

// firewallList lists the tables of nftables.
func firewallList([]string) error {
	return ask(unix.NETLINK_NETFILTER, firewallGet, unix.NLM_F_DUMP|unix.NLM_F_ACK, []byte{unix.AF_UNSPEC, 0, 0, 0})
}

// ipsecFlush removes all security associations of the network namespace.
func ipsecFlush([]string) error {
	return ask(unix.NETLINK_XFRM, flushStates, unix.NLM_F_ACK, []byte{unix.IPPROTO_ESP})
}

// linkList lists the interfaces, for which nothing is needed.
func linkList([]string) error {
	return ask(unix.NETLINK_ROUTE, unix.RTM_GETLINK, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfInfomsg))
}

// listSockets lists the TCP sockets, as ss(8) does. Some fields are left out for
// those who may not administer the network, and nobody minds.
func listSockets([]string) error {
	body := make([]byte, 56) // struct inet_diag_req_v2
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[4:], ^uint32(0)) // in every state
	return ask(unix.NETLINK_SOCK_DIAG, socketsByFamily, unix.NLM_F_DUMP, body)
}

// linkDownIgnored takes loopback down and does not look at the answer.
func linkDownIgnored([]string) error {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], 1)            // the interface
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP) // the flag that changes
	if err := ask(unix.NETLINK_ROUTE, unix.RTM_NEWLINK, unix.NLM_F_ACK, body); err != nil {
		_, err := fmt.Fprintln(os.Stdout, "not taken down:", err)
		return err
	}
	return nil
}

// changeLogin sets the login user and changes it again: CAP_AUDIT_CONTROL once
// it is set (audit_set_loginuid_perm).
func changeLogin([]string) error {
	for _, user := range []string{"1000", "1001"} {
		if err := os.WriteFile(loginPath, []byte(user), 0); err != nil {
			return err
		}
		text, err := os.ReadFile(loginPath)
		if err != nil {
			return err
		}
		if string(text) != user {
			return fmt.Errorf("the login user is %q", text)
		}
	}
	return nil
}
