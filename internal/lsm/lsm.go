// Package lsm asks the security modules of this machine's kernel, AppArmor and SELinux:
// what they refused whom, from the audit records that the kernel logs, and what
// AppArmor's loaded policy says. What a policy refuses without logging it (a deny rule
// of AppArmor's, dontaudit of SELinux's) is in no record.
package lsm

import (
	"os"
	"os/exec"
	"strings"
)

// Kernel is this machine's. It may be used by several goroutines.
type Kernel struct {
	// filesystems is the file that lists the types of file systems.
	filesystems string
	// query puts a question to AppArmor's policy.
	query func(question string) (answer []byte, err error)
}

// New is this machine's kernel.
func New() *Kernel { return &Kernel{filesystems: "/proc/filesystems", query: queryPolicy} }

// The signs of a module that is in force (security/apparmor/lsm.c, selinuxfs).
const (
	appArmorEnabled = "/sys/module/apparmor/parameters/enabled"
	selinuxEnforce  = "/sys/fs/selinux/enforce"
)

// Present reports whether one of the modules is in force, so that there may be refusals.
func (*Kernel) Present() bool {
	enabled, _ := os.ReadFile(appArmorEnabled)
	_, err := os.Stat(selinuxEnforce)
	return strings.TrimSpace(string(enabled)) == "Y" || err == nil
}

// auditLog is where auditd writes (auditd.conf(5), log_file).
const auditLog = "/var/log/audit/audit.log"

// Log says where a user finds the records: a command, or a file.
func (*Kernel) Log() string {
	if _, err := os.Stat(auditLog); err == nil {
		return auditLog
	}
	if _, err := exec.LookPath("journalctl"); err == nil {
		return "journalctl -k"
	}
	return "dmesg"
}
