package mapper

import (
	"fmt"
	"path"
	"strings"

	"github.com/capprof/capprof/internal/observation"
)

// drop is what a refused call was to give up.
type drop struct {
	// effective is where the call has the ID that the process is to act with, for those
	// that set IDs; the others have a rule.
	effective int
	rule      func(op observation.Operation, d drops) (keeps string)
	// keeps says what the process keeps, for those that set IDs.
	keeps string
}

// dropCalls are the calls by which a process gives up privileges, by their names without
// the 32 of the 32-bit tables. Setting the secure bits (prctl(2)) is not among them: it takes nothing from the
// process itself.
var dropCalls = map[string]drop{
	// setuid(2): "setuid() sets the effective user ID of the calling process".
	"setuid": {keeps: staysRoot}, "setreuid": {effective: 1, keeps: staysRoot}, "setresuid": {effective: 1, keeps: staysRoot},
	"setgid": {keeps: staysInGroup}, "setregid": {effective: 1, keeps: staysInGroup}, "setresgid": {effective: 1, keeps: staysInGroup},
	// setfsuid(2): what file servers do, for one request at a time.
	"setfsuid": {keeps: "it acts on files as root"}, "setfsgid": {keeps: "it acts on files with the group that it has"},
	"setgroups": {rule: keepsGroups},
	"capset":    {rule: keepsCapabilities},
	// chroot(2): refused, all files that the user may see stay in sight.
	"chroot": {rule: keepsFiles},
	"prctl":  {rule: keepsBounds},
}

const (
	staysRoot    = "it stays root"
	staysInGroup = "it stays in the group that it has"
)

// drops are the executables that ask to become another user or group, refused or not.
type drops map[string]bool

// dropsOf looks through an observation.
func dropsOf(operations []observation.Operation, rootUID uint32) drops {
	d := drops{}
	for _, op := range operations {
		if rule, ok := dropCalls[strings.TrimSuffix(op.Syscall, "32")]; ok && rule.rule == nil && leavesRoot(op, rule, rootUID) {
			d[op.Executable] = true
		}
	}
	return d
}

// keeps says what a process keeps that it meant to give up, was refused to, and went on
// without having given it up; "" where it is no such call. What entered from outside
// is not the workload's.
func (d drops) keeps(op observation.Operation, rootUID uint32) string {
	rule, ok := dropCalls[strings.TrimSuffix(op.Syscall, "32")]
	switch {
	case !ok || !op.WentOn || op.Joined || op.Starting:
		return ""
	case rule.rule == nil && leavesRoot(op, rule, rootUID):
		return rule.keeps
	case rule.rule == nil:
		return ""
	case op.Syscall != "capset" && op.UID != rootUID:
		return "" // it is root no more
	}
	return rule.rule(op, d)
}

// leavesRoot reports whether root asks to act as another user or group. An ID of -1
// stays as it is; root's own is what it has, or wants back.
func leavesRoot(op observation.Operation, rule drop, rootUID uint32) bool {
	id := uint32(op.Args[rule.effective])
	return op.UID == rootUID && id != 0 && id != ^uint32(0) && id != 1<<16-1
}

// keepsGroups: an empty list is given to get rid of groups. Any other may be root's own,
// as of a login or a job of cron; it is another's where the program goes on to become
// somebody else.
func keepsGroups(op observation.Operation, d drops) string {
	if op.Args[0] == 0 || d[op.Executable] {
		return "it keeps its supplementary groups"
	}
	return ""
}

// keepsCapabilities: a capset(2) is refused as a whole, what it was to give up
// included.
func keepsCapabilities(op observation.Operation, _ drops) string {
	if kept := op.Permitted.Minus(op.Object.Capabilities); !kept.Empty() {
		return fmt.Sprintf("it keeps %s", kept)
	}
	return ""
}

// keepsFiles: the root directory's own path changes nothing.
func keepsFiles(op observation.Operation, _ drops) string {
	if op.Object.Path == "" || path.Clean(op.Object.Path) == "/" {
		return ""
	}
	return "it sees all files of the container"
}

// logins start programs as another user, or as root with less.
var logins = nameSet("su sudo doas runuser login sshd sshd-session dropbear cron crond atd")

// keepsBounds: most daemons drop what they will never execute a file with, and can do
// without dropping it. Of a login it bounds what the user's programs may get.
func keepsBounds(op observation.Operation, _ drops) string {
	if op.Args[0] != prCapBSetDrop || !isLogin(op) || op.Bounding.Intersect(op.Object.Capabilities).Empty() {
		return ""
	}
	return fmt.Sprintf("the programs of the login may get %s", op.Object.Capabilities)
}

func isLogin(op observation.Operation) bool {
	return logins[path.Base(op.Executable)] || logins[op.Comm]
}
