package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
)

// These tests show why some causes have no case here: what would refuse is not in
// this machine's kernel, or the engine lets nobody set it up. Where that changes,
// they fail and ask for the case.

// The rules of sticky directories are the host's, and where they are off, anybody
// may do what the cases would do.
func TestHostSettings(t *testing.T) {
	c, image := bench(t)
	for _, k := range causeCases {
		if k.absent == nil {
			continue
		}
		why := k.absent()
		o := mustRun(t, c, image, 0, k.command...)
		if (why != "") != o.Passed() {
			t.Errorf("%s: passed %t, though %q: %s", k.title(), o.Passed(), why, o.Tail)
		}
	}
}

// AppArmor and SELinux refuse after capabilities as Landlock does, which
// cause/security-module shows; neither is in this kernel.
func TestNoModuleConfinesContainers(t *testing.T) {
	c, _ := bench(t)
	options, err := c.engine.Output(t.Context(), "info", "--format", "{{.SecurityOptions}}")
	if err != nil {
		t.Fatal(err)
	}
	for module, sign := range map[string]string{"apparmor": "/sys/module/apparmor/parameters/enabled", "selinux": "/sys/fs/selinux/enforce"} {
		text, err := os.ReadFile(sign)
		inKernel := err == nil && strings.TrimSpace(string(text)) != "N"
		if listed := strings.Contains(options, "name="+module); listed {
			testengine.Skip(t, testengine.Unsettled, "the engine confines containers with %s: a case can show it", module)
		} else if inKernel {
			t.Logf("%s is in the kernel, and the engine does not use it", module)
		}
	}
}

// The kernel here has no Yama; the other rules of ptrace have cases.
func TestNoPtraceScope(t *testing.T) {
	if text, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil && strings.TrimSpace(string(text)) != "0" {
		testengine.Skip(t, testengine.Unsettled, "kernel.yama.ptrace_scope is %s: a case can show it", strings.TrimSpace(string(text)))
	}
	c, image := bench(t)
	// A tracer that is no ancestor, and no capability.
	if o := mustRun(t, c, image, 0, "/ops", "trace-sibling"); !o.Passed() {
		t.Errorf("a process of the same user may not be traced: %s", o.Tail)
	}
}

// What the engine or its file system does not let a container have.
func TestLimitsThatNoContainerGets(t *testing.T) {
	c, image := bench(t)
	for name, test := range map[string]struct {
		flags []string
		words string
	}{
		// The limit of user namespaces is not one that the engine sets for a container.
		"user namespaces": {[]string{"--sysctl", "user.max_user_namespaces=0"}, "sysctl"},
		// A size limit of the root file system takes quotas below the storage driver.
		"disk size": {[]string{"--storage-opt", "size=10m"}, "storage"},
		// Real-time budget takes a dockerd that was given some, and a kernel that has it.
		"real-time": {[]string{"--cpu-rt-runtime", "1000"}, "rt"},
	} {
		_, err := c.run(t.Context(), image, append(slices.Clone(isolated), test.flags...), []string{"/privop", "nothing"}, 0, time.Minute)
		if refused, ok := errors.AsType[*testengine.RefusedError](err); !ok || !strings.Contains(strings.ToLower(refused.Message), test.words) {
			t.Errorf("%s: the engine does not refuse %q, so that a case can show it: %v", name, test.flags, err)
		}
	}
	// Nor does the file system of the container keep quotas that could be used up.
	all, err := c.tryAll(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	if o := mustRun(t, c, image, all.all, "/ops", "disk-quota"); o.Passed() {
		t.Error("the root file system keeps quotas, so that a case can show EDQUOT")
	}
}
