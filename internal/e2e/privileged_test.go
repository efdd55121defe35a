package e2e

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
)

// privilegedWorkloads are workloads that run with --privileged, and what they need of it.
var privilegedWorkloads = []struct {
	name string
	// script is run by bash, its effect checked by itself.
	script string
	// operation is run in the image from scratch where there is no script.
	operation  []string
	want, open []string
	// byTrace says that the trace names the relaxation.
	byTrace bool
}{
	{name: "device", script: "exec 3<>/dev/net/tun", open: []string{"--device /dev/net/tun"}, byTrace: true},
	{name: "sys", script: "read -r n </sys/kernel/mm/ksm/sleep_millisecs; echo $n >/sys/kernel/mm/ksm/sleep_millisecs", open: []string{"--volume /sys/kernel/mm/ksm:/sys/kernel/mm/ksm"}, byTrace: true},
	{name: "proc", script: "f=/proc/sys/kernel/printk_ratelimit; read -r n <$f; echo $n >$f", open: []string{"--security-opt systempaths=unconfined"}, byTrace: true},
	{name: "masked", script: "n=$(wc -l </proc/timer_list); test $n -gt 5", open: []string{"--security-opt systempaths=unconfined"}},
	{name: "node", script: "mknod /dev/own c 10 229; exec 3</dev/own", want: caps("MKNOD"), open: []string{"--device-cgroup-rule c 10:229 rwm"}, byTrace: true},
	{name: "seccomp", operation: privop("keyring"), open: []string{"--security-opt seccomp=unconfined"}, byTrace: true},
	{name: "capability", script: "mount -t tmpfs none /mnt", want: caps("SYS_ADMIN")},
	{name: "both", script: "touch /tmp/f; chown 1 /tmp/f && exec 3</dev/net/tun", want: caps("CHOWN"), open: []string{"--device /dev/net/tun"}, byTrace: true},
}

// TestPrivilegedReplaced: the search goes without --privileged, names what is needed
// of it, and the command line that it prints passes.
func TestPrivilegedReplaced(t *testing.T) {
	e := engineOf(t)
	for _, n := range privilegedWorkloads {
		t.Run(n.name, func(t *testing.T) {
			t.Parallel()
			w := workload{image: debian, flags: []string{"--privileged"}, command: []string{"bash", "-ec", n.script}}
			if n.operation != nil {
				w.image, w.command = scratch, n.operation
			}
			result, document := profiled(t, e, w)
			result.expect(t, exitProven)
			var open []string
			for _, o := range document.ForRelaxations() {
				open = append(open, o.Grant.String())
				if (o.FoundBy == profile.FoundByTrace) != n.byTrace {
					t.Errorf("%s was found by %s", o.Grant, o.FoundBy)
				}
			}
			if got := document.Capabilities.Required.ShortNames(); document.Verdict != profile.Proven || !slices.Equal(got, n.want) || !slices.Equal(open, n.open) {
				t.Errorf("%s: %v with %q, want %v with %q\n%s", document.Verdict, got, open, n.want, n.open, result.stderr)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			text := snippet(t, e, w, "docker")
			cmd := exec.CommandContext(ctx, "sh", "-ec", `docker() { shift; command docker run --rm "$@"; }`+"\n"+text)
			cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("the command fails: %v: %s\n%s", err, tail(output), text)
			}
		})
	}
}

// TestNothingReplacesPrivileged: what fails with everything is no matter of
// --privileged, and the report says what fails.
func TestNothingReplacesPrivileged(t *testing.T) {
	e := engineOf(t)
	w := workload{image: debian, flags: []string{"--privileged"}, command: []string{"cat", "/dev/nowhere"}}
	result, document := profiled(t, e, w)
	result.expect(t, exitFailed)
	if len(document.Relaxations) > 0 || len(document.Reasons) == 0 {
		t.Errorf("%+v", document)
	}
}

// TestHostDirectoryAtAnotherPlace: a volume of the user's from the host's /sys leaves
// the container's own /sys read-only, and to be replaced.
func TestHostDirectoryAtAnotherPlace(t *testing.T) {
	w := workload{
		image: debian, flags: []string{"--privileged", "--volume", "/sys:/hostsys"},
		command: []string{"bash", "-ec", "f=/sys/kernel/mm/ksm/sleep_millisecs; read -r n <$f; echo $n >$f"},
	}
	// Without a trace nothing names a part of /sys.
	result, document := profiled(t, engineOf(t), w, "--no-trace")
	result.expect(t, exitProven)
	if open := grant.Of(0, document.Relaxations...).String(); open != "--volume /sys:/sys" || !document.Capabilities.Required.Empty() {
		t.Errorf("%s: %v with %q", document.Verdict, document.Capabilities.Required, open)
	}
}
