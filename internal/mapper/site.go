package mapper

import (
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// site is what a refused check at one place of the kernel means. The entries
// are data, in the sites_*.go files.
type site struct {
	// functions are the kernel functions that stand for the place. Compilers
	// inline, so that a check of a small function shows under its caller's name.
	functions []string
	// source cites the kernel's source file and function, as of Linux 6.12
	// unless it says otherwise.
	source string
	// meaning says what was refused, and remedies are better ways than the capability,
	// without the arguments that the call gives them.
	meaning  string
	remedies []remedy.Remedy
	// caps and calls limit the entry to some capabilities and system calls;
	// empty for all.
	caps  capability.Set
	calls []string

	// fails are the errors with which a call fails because of the refusal; nil
	// stands for EPERM and EACCES, noErrno for none at all.
	fails []syscall.Errno
	// passes is what a refusal did to a call that succeeded, Noise mostly.
	passes Effect
	// joint names a need that several places ask for in turn, in one call: a
	// grant at any of them is enough.
	joint string
	// foreign says that the credentials asked are another's by design (the
	// opener's, the tracer's), so that overridden ones count.
	foreign bool
}

// noErrno marks a place that never makes a call fail.
var noErrno = []syscall.Errno{}

// permission are the errors that a refusal gives where nothing else is said.
var permission = []syscall.Errno{syscall.EPERM, syscall.EACCES}

// refuses reports whether a refusal at the place makes a call fail with errno.
func (s *site) refuses(errno syscall.Errno) bool {
	if s.fails == nil {
		return slices.Contains(permission, errno)
	}
	return slices.Contains(s.fails, errno)
}

func (s *site) covers(c capability.Cap, call string) bool {
	return (s.caps.Empty() || s.caps.Has(c)) && (len(s.calls) == 0 || slices.Contains(s.calls, call))
}

// wrappers are functions between a place and cap_capable() that say nothing of
// the place (kernel/capability.c, include/linux/capability.h, net/core/sock.c,
// security/security.c).
var wrappers = nameSet(`cap_capable cap_capable_helper security_capable
	capable ns_capable ns_capable_common ns_capable_noaudit ns_capable_setid file_ns_capable
	has_capability has_capability_noaudit has_ns_capability has_ns_capability_noaudit
	capable_wrt_inode_uidgid privileged_wrt_inode_uidgid
	bpf_capable perfmon_capable checkpoint_restore_ns_capable checkpoint_restore_ns_capable_noaudit
	bpf_token_capable bpf_ns_capable sk_capable sk_ns_capable sk_net_capable sockopt_capable sockopt_ns_capable
	netlink_capable netlink_ns_capable __netlink_ns_capable netlink_net_capable`)

// netlinkFrames show that a check was made while a netlink message was being
// handled, so that its error goes into the reply and not into the result of the
// send (net/netlink/af_netlink.c:netlink_rcv_skb, kernel/audit.c:audit_receive).
var netlinkFrames = nameSet(`netlink_capable netlink_ns_capable __netlink_ns_capable netlink_net_capable
	netlink_rcv_skb netlink_unicast netlink_unicast_kernel rtnetlink_rcv_msg nfnetlink_rcv nfnetlink_rcv_msg
	nfnetlink_rcv_batch genl_rcv_msg xfrm_user_rcv_msg audit_receive audit_receive_msg audit_netlink_ok`)

// ringFrames show that a check was made for an operation of an io_uring, so that
// its error goes into a completion and not into the result of a call
// (io_uring/io_uring.c, io_uring/io-wq.c).
var ringFrames = nameSet(`io_issue_sqe __io_issue_sqe io_submit_sqe io_submit_sqes io_queue_async io_poll_issue
	io_req_task_submit io_wq_submit_work io_worker_handle_work io_sq_thread`)

// senders are the calls that carry netlink messages to the kernel.
var senders = nameSet("sendmsg sendto sendmmsg send write writev socketcall io_uring_enter")

func nameSet(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// sites indexes all entries by function.
var sites = func() map[string][]*site {
	index := map[string][]*site{}
	for _, table := range [][]site{fileSites, processSites, networkSites, systemSites} {
		for i := range table {
			for _, f := range table[i].functions {
				index[f] = append(index[f], &table[i])
			}
		}
	}
	return index
}()

// place is where a check was made.
type place struct {
	// function is the innermost function that is no wrapper, or the one that the
	// table knows; "" when the stack is unknown.
	function string
	// entry is nil for a function that the table does not know.
	entry *site
	// netlink says that the check was made for a netlink message.
	netlink bool
	// ring says that it was made for an operation of an io_uring.
	ring bool
	// outer is the stack from the function outwards: alternatives that one piece
	// of code asks for in turn have it in common.
	outer string
}

// placeOf finds the first function of the stack that the table knows, since the
// innermost one may be a helper that a compiler did not inline.
func placeOf(check observation.Check, call string) place {
	var p place
	for i, frame := range check.Stack {
		name := bareName(frame)
		p.netlink = p.netlink || netlinkFrames[name]
		p.ring = p.ring || ringFrames[name]
		if name == "netlink_rcv_skb" && p.entry == nil && p.function != "" {
			// What lies outwards is the sending, of which nothing was asked.
			break
		}
		if wrappers[name] || p.entry != nil {
			continue
		}
		if p.function == "" {
			p.function = name
			p.outer = strings.Join(check.Stack[i:], "\n")
		}
		for _, entry := range sites[systemCall.ReplaceAllString(name, "sys_")] {
			if entry.covers(check.Capability, call) {
				p.entry, p.function = entry, name
				break
			}
		}
	}
	p.netlink = p.netlink && senders[call]
	return p
}

// systemCall matches what the kernel puts before the name of a system call's own
// function, which differs by architecture and by what is inlined; the table has
// sys_ instead (arch/x86/include/asm/syscall_wrapper.h).
var systemCall = regexp.MustCompile(`^__(do|se|x64|ia32|arm64|s390x|s390|riscv|powerpc)_(compat_)?sys_`)

// bareName strips what compilers append to the name of a specialised or split
// function: may_open.isra.0, vfs_mknod.part.0, do_mlock.cold.
func bareName(frame string) string {
	if i := strings.IndexByte(frame, '.'); i > 0 {
		return frame[:i]
	}
	return frame
}
