package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// setLinkDown is an RTM_NEWLINK message that takes the interface down and asks
// for an acknowledgement: netlink(7), struct nlmsghdr and struct ifinfomsg.
func setLinkDown(index uint32) []byte {
	order := binary.NativeEndian
	message := make([]byte, 0, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	message = order.AppendUint32(message, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	message = order.AppendUint16(message, unix.RTM_NEWLINK)
	message = order.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	message = order.AppendUint32(message, 1) // sequence number
	message = order.AppendUint32(message, 0) // port: the kernel fills it in
	message = append(message, unix.AF_UNSPEC, 0)
	message = order.AppendUint16(message, 0) // type
	message = order.AppendUint32(message, index)
	message = order.AppendUint32(message, 0)           // flags: not up
	message = order.AppendUint32(message, unix.IFF_UP) // the flag that changes
	return message
}

// acknowledgement reads an NLMSG_ERROR message, whose error is 0 for success.
func acknowledgement(reply []byte) error {
	order := binary.NativeEndian
	if len(reply) < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("a netlink answer of %d bytes", len(reply))
	}
	if kind := order.Uint16(reply[4:]); kind != unix.NLMSG_ERROR {
		return fmt.Errorf("a netlink answer of type %d", kind)
	}
	errno := -int32(order.Uint32(reply[unix.SizeofNlMsghdr:]))
	switch {
	case errno == 0:
		return nil
	case errno > 0:
		return unix.Errno(errno)
	}
	return errors.New("a netlink answer with a positive error")
}
