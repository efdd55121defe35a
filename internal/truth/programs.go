package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/testengine"
	scripts "github.com/capprof/capprof/internal/testengine/programs"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

//go:embed testdata/image
var programImage embed.FS

// programRecipe is the image of the programs: a gigabyte, built once.
var programRecipe = testimage.Recipe{Name: "truth-programs", Files: programImage, Dir: "testdata/image", Takes: "a few minutes"}

func debianImage(ctx context.Context, e *testengine.Engine, progress io.Writer) (string, error) {
	return testimage.FromPackages(ctx, e, programRecipe, progress)
}

// variant runs a script a second time, in other circumstances.
type variant struct {
	suffix string
	flags  []string
	of     []string
}

// variants are those of the scripts whose answer they may change.
var variants = []variant{
	{"strict-ports", strictPorts, []string{"nginx-stdout", "node-http80", "sshd-login"}},
	{"no-seccomp", openSeccomp, []string{"chrt-fifo", "mount-tmpfs", "nice-negative", "redis-entrypoint", "unshare-user"}},
	{"no-new-privileges", noNewPrivileges, []string{"gosu", "ping", "sudo-user"}},
	{"user", asUser, []string{
		"ping", "ls-color", "node-http80", "sudo-user", "su-user", "user-id", "true", "ps-all", "ip-show", "strace-child", "gdb-batch",
		"write-other", "chown", "dmesg", "unshare-user", "tcpdump-drop",
	}},
	{"user-strict-ports", slices.Concat(asUser, strictPorts), []string{"node-http80"}},
}

// programNoSets are the reasons why no set makes some of them pass.
var programNoSets = map[string]string{
	"chrt-fifo":                     "a control group without real-time budget refuses it whatever the capabilities",
	"chrt-fifo@no-seccomp":          "a control group without real-time budget refuses it whatever the capabilities",
	"sudo-user@no-new-privileges":   "sudo refuses to run where its setuid bit has no effect",
	"su-user@user":                  "su asks an ordinary user for the password, and nobody types it",
	"user-id":                       "root is not user 1000",
	"tcpdump-drop@user":             "Docker gives an ordinary user nothing of what it adds",
	"node-http80@user-strict-ports": "Docker gives an ordinary user nothing of what it adds",
	"dmesg@user":                    "the seccomp profile lets it pass with CAP_SYSLOG, and then the kernel asks the ordinary user for it",
}

// programCases are the scripts and their variants.
func programCases() ([]testCase, error) {
	var all []testCase
	add := func(name, script string, flags []string) {
		all = append(all, testCase{
			group: programs, name: name, image: debian, flags: flags, script: script,
			// Databases fill their directories.
			limit: 3 * time.Minute, noSet: programNoSets[name],
		})
	}
	known := map[string]bool{}
	for _, name := range scripts.Names() {
		known[name] = true
		add(name, name, nil)
	}
	for _, v := range variants {
		for _, script := range v.of {
			if !known[script] {
				return nil, fmt.Errorf("variant %s of a script that is not there: %s", v.suffix, script)
			}
			add(script+"@"+v.suffix, script, v.flags)
		}
	}
	slices.SortStableFunc(all, func(a, b testCase) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// argv is the command as the container gets it.
func (k testCase) argv() ([]string, error) {
	if k.script == "" {
		return k.command, nil
	}
	return scripts.Command(k.script)
}
