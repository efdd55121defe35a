package lsm

import (
	"testing"

	"github.com/capprof/capprof/internal/observation"
)

// The records are of kernel 7.2: AppArmor's of Docker's and Podman's profiles, SELinux's of
// a small policy with a container's domain. Those of AppArmor's profile "mine" follow
// security/apparmor.
func TestParse(t *testing.T) {
	for text, want := range map[string]observation.Refusal{
		`audit(1795892095.908:3): apparmor="DENIED" operation="pivotroot" class="mount" profile="docker-default" name="/mnt/" pid=420 comm="probe" srcname="/mnt/"`: {
			Module: "apparmor", Label: "docker-default", PID: 420, Operation: "pivotroot", Class: "mount", Path: "/mnt", Rule: "pivot_root oldroot=/mnt/ /mnt/",
			Record: `apparmor="DENIED" operation="pivotroot" class="mount" profile="docker-default" name="/mnt/" srcname="/mnt/"`,
		},
		`audit(1795892096.664:4): apparmor="DENIED" operation="ptrace" class="ptrace" profile="docker-default" pid=420 comm="probe" requested_mask="trace" denied_mask="trace" peer="unconfined"`: {
			Module: "apparmor", Label: "docker-default", PID: 420, Operation: "ptrace", Class: "ptrace", Rule: "ptrace (trace) peer=unconfined",
			Record: `apparmor="DENIED" operation="ptrace" class="ptrace" profile="docker-default" requested_mask="trace" denied_mask="trace" peer="unconfined"`,
		},
		`audit(1795891303.014:7): apparmor="DENIED" operation="signal" class="signal" profile="containers-default-0.62.2" pid=587 comm="probe" requested_mask="send" denied_mask="send" signal=cont peer="unconfined"`: {
			Module: "apparmor", Label: "containers-default-0.62.2", PID: 587, Operation: "signal", Class: "signal", Rule: "signal (send) set=(cont) peer=unconfined",
			Record: `apparmor="DENIED" operation="signal" class="signal" profile="containers-default-0.62.2" requested_mask="send" denied_mask="send" signal="cont" peer="unconfined"`,
		},
		`audit(1.1:1): apparmor="DENIED" operation="mount" class="mount" info="failed mntpnt match" error=-13 profile="mine" name="/mnt/" pid=7 comm="mount" fstype="tmpfs" srcname="none" flags="rw, nosuid"`: {
			Module: "apparmor", Label: "mine", PID: 7, Operation: "mount", Class: "mount", Path: "/mnt", Rule: "mount fstype=tmpfs options=(rw, nosuid) none -> /mnt/",
			Record: `apparmor="DENIED" operation="mount" class="mount" info="failed mntpnt match" profile="mine" name="/mnt/" fstype="tmpfs" srcname="none" flags="rw, nosuid"`,
		},
		`audit(1.1:1): apparmor="DENIED" operation="capable" class="cap" profile="mine" pid=7 comm="mount" capability=21  capname="sys_admin"`: {
			Module: "apparmor", Label: "mine", PID: 7, Operation: "capable", Class: "cap", Capability: "sys_admin", Rule: "capability sys_admin",
			Record: `apparmor="DENIED" operation="capable" class="cap" profile="mine" capability="21" capname="sys_admin"`,
		},
		// A name with a space is in hexadecimal.
		`audit(1.1:1): apparmor="DENIED" operation="open" class="file" profile="mine" name=2F7372762F612062 pid=7 comm="cat" requested_mask="wc" denied_mask="wc" fsuid=0 ouid=0`: {
			Module: "apparmor", Label: "mine", PID: 7, Operation: "open", Class: "file", Path: "/srv/a b", Rule: `"/srv/a b" w`,
			Record: `apparmor="DENIED" operation="open" class="file" profile="mine" name="/srv/a b" requested_mask="wc" denied_mask="wc"`,
		},
		`audit(1.1:1): apparmor="DENIED" operation="exec" profile="mine" name="/bin/ls" pid=7 comm="sh" requested_mask="x" denied_mask="x" fsuid=0 ouid=0`: {
			Module: "apparmor", Label: "mine", PID: 7, Operation: "exec", Path: "/bin/ls", Rule: "/bin/ls ix",
			Record: `apparmor="DENIED" operation="exec" profile="mine" name="/bin/ls" requested_mask="x" denied_mask="x"`,
		},
		`audit(1.1:1): apparmor="DENIED" operation="create" class="net" profile="mine" pid=7 comm="ping" family="inet" sock_type="raw" protocol=1 requested_mask="create" denied_mask="create"`: {
			Module: "apparmor", Label: "mine", PID: 7, Operation: "create", Class: "net", Rule: "network inet raw",
			Record: `apparmor="DENIED" operation="create" class="net" profile="mine" family="inet" sock_type="raw" protocol="1" requested_mask="create" denied_mask="create"`,
		},
		`audit(1795894770.633:5): avc:  denied  { write } for  pid=207 comm="exe" name="x" dev="tmpfs" ino=7 scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:system_r:unlabeled_t:s0 tclass=file permissive=0`: {
			Module: "selinux", Label: "container_t", PID: 207, Operation: "write", Class: "file", Path: "x", Rule: "allow container_t unlabeled_t:file { write }",
			Record: `avc: denied { write } name="x" scontext="container_t" tcontext="unlabeled_t" tclass="file"`,
		},
		`audit(1795894770.681:6): avc:  denied  { create } for  pid=207 comm="exe" name=6E65772066696C65 scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:object_r:unlabeled_t:s0:c1,c2 tclass=file permissive=0`: {
			Module: "selinux", Label: "container_t", PID: 207, Operation: "create", Class: "file", Path: "new file", Rule: "allow container_t unlabeled_t:file { create }",
			Record: `avc: denied { create } name="new file" scontext="container_t" tcontext="unlabeled_t" tclass="file"`,
		},
		`audit(1795894771.001:7): avc:  denied  { mounton } for  pid=207 comm="exe" path="/mnt" dev="vda" ino=579 scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:system_r:unlabeled_t:s0 tclass=dir permissive=0`: {
			Module: "selinux", Label: "container_t", PID: 207, Operation: "mounton", Class: "dir", Path: "/mnt", Rule: "allow container_t unlabeled_t:dir { mounton }",
			Record: `avc: denied { mounton } path="/mnt" scontext="container_t" tcontext="unlabeled_t" tclass="dir"`,
		},
		`audit(1795894771.001:8): avc:  denied  { chown } for  pid=207 comm="exe" capability=0  scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:system_r:container_t:s0:c1,c2 tclass=capability permissive=0`: {
			Module: "selinux", Label: "container_t", PID: 207, Operation: "chown", Class: "capability", Capability: "chown", Rule: "allow container_t self:capability { chown }",
			Record: `avc: denied { chown } scontext="container_t" tcontext="container_t" tclass="capability"`,
		},
		`audit(1795894771.297:10): avc:  denied  { signal } for  pid=207 comm="exe" scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:system_r:kernel_t:s0-s0:c0.c2 tclass=process permissive=0`: {
			Module: "selinux", Label: "container_t", PID: 207, Operation: "signal", Class: "process", Rule: "allow container_t kernel_t:process { signal }",
			Record: `avc: denied { signal } scontext="container_t" tcontext="kernel_t" tclass="process"`,
		},
		// What is not refused.
		`audit(1.1:1): avc:  denied  { read } for  pid=3 comm="cat" name="x" dev="sda1" ino=1 scontext=system_u:system_r:container_t:s0 tcontext=system_u:object_r:user_home_t:s0 tclass=file permissive=1`: {},
		`audit(1.1:1): avc:  granted  { setsecparam } for  pid=3 comm="x" scontext=system_u:system_r:container_t:s0 tcontext=system_u:object_r:security_t:s0 tclass=security`:                               {},
		`audit(1795891174.066:2): apparmor="STATUS" operation="profile_load" profile="unconfined" name="docker-default" pid=245 comm="apparmor_parser"`:                                                     {},
		`audit(1.1:1): apparmor="ALLOWED" operation="open" class="file" profile="mine" name="/x" pid=7 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0`:                                        {},
		`audit(1.1:1): pid=1 uid=0 op=login`: {},
		``:                                   {},
	} {
		got, ok := parse(text)
		if got != want || ok != (want != observation.Refusal{}) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", text, got, ok, want)
		}
	}
}

func TestParseLog(t *testing.T) {
	for text, want := range map[string]int{
		"5,1234,5678,-;audit: type=1400 audit(1.1:1): apparmor=\"DENIED\" operation=\"ptrace\" profile=\"mine\" pid=7 comm=\"a\"\n SUBSYSTEM=x\n": 7,
		"5,1234,5678,-;audit: type=1300 audit(1.1:1): apparmor=\"DENIED\" operation=\"ptrace\" profile=\"mine\" pid=7 comm=\"a\"\n":               0,
		"6,1,2,-;eth0: renamed from veth\n": 0,
		"":                                  0,
	} {
		if got, ok := parseLog([]byte(text)); got.PID != want || ok != (want != 0) {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
}

// FuzzParse: what a process chose, its name for one, cannot break it.
func FuzzParse(f *testing.F) {
	f.Add(`audit(1.1:1): apparmor="DENIED" operation="open" profile="mine" name=2F7372762F612062 pid=7 comm="cat" requested_mask="wc" denied_mask="wc"`)
	f.Add(`audit(1.1:1): avc:  denied  { read } for  pid=3 comm="cat" scontext=a:b:c tcontext=d tclass=file`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, ok := parse(text); ok && (r.Module == "" || r.Record == "") {
			t.Errorf("%q: %+v", text, r)
		}
	})
}
