package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

var of = capability.Of

func TestCasesAreWellFormed(t *testing.T) {
	all, err := cases()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range all {
		if seen[k.title()] {
			t.Errorf("%s is there twice", k.title())
		}
		seen[k.title()] = true
		if command, err := k.argv(); err != nil || len(command) == 0 && (k.serves == nil || k.serves.image == "") {
			t.Errorf("%s: command %q, %v", k.title(), command, err)
		}
		if k.group == services && k.serves == nil || k.group != services && k.group != givingUp && k.serves != nil || k.serves != nil && k.serves.image != "" && !slices.Contains(testimage.ServiceNames(), k.serves.image) {
			t.Errorf("%s is no service, or has no image", k.title())
		}
		if k.group != givingUp && k.judge != nil {
			t.Errorf("%s is no drop, and is judged by another command", k.title())
		}
		if k.group == traps && k.naive == "" {
			t.Errorf("%s does not say what a naive tool answers", k.title())
		}
		if (k.group == dependent) != (k.among.Len() > 1) {
			t.Errorf("%s: what can make a difference is {%s}", k.title(), k.among)
		}
		if k.group != causes {
			continue
		}
		if len(k.says) == 0 || len(k.remedies) == 0 && k.unfixable == "" {
			t.Errorf("%s does not say what capprof must say, or what fixes it", k.title())
		}
		for _, fix := range k.remedies {
			if fix.name == "" || fix.image == k.image && fix.command == nil && slices.Equal(fix.flags, k.flags) && fix.set.Empty() {
				t.Errorf("%s: the remedy %q changes nothing", k.title(), fix.name)
			}
		}
	}
	for name := range programNoSets {
		if !seen["program/"+name] {
			t.Errorf("a reason for a program that is not there: %s", name)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"help":            {[]string{"-h"}, 0},
		"list":            {[]string{"-list", "-run", "program/true$"}, 0},
		"no case":         {[]string{"-run", "^nothing-like-it$"}, 1},
		"bad expression":  {[]string{"-run", "("}, 2},
		"no jobs":         {[]string{"-jobs", "0"}, 2},
		"stray argument":  {[]string{"nginx"}, 2},
		"unknown flag":    {[]string{"-x"}, 2},
		"list everything": {[]string{"-list"}, 0},
	} {
		var out, complaints bytes.Buffer
		if code := run(t.Context(), test.args, &out, &complaints); code != test.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, test.code, complaints.String())
		}
		if name == "list" && out.String() != "program/true\n" {
			t.Errorf("the list is %q", out.String())
		}
	}
}

// Every capability has an operation that needs it and looks at its effect, or a
// reason why none can, and not both.
func TestEveryCapabilityHasACase(t *testing.T) {
	names := map[string]bool{}
	for _, k := range operationCases() {
		names[k.name] = true
	}
	for c := range capability.Known().All() {
		name, shown := shownBy[c]
		_, excused := unexercised[c]
		if shown == excused {
			t.Errorf("%v: shown by %q, excused %t", c, name, excused)
		}
		if shown && !names[name] {
			t.Errorf("%v is shown by %s, which is no case", c, name)
		}
	}
	if len(shownBy)+len(unexercised) != capability.Known().Len() {
		t.Errorf("%d and %d entries for %d capabilities", len(shownBy), len(unexercised), capability.Known().Len())
	}
}

// What a profiler stumbles over, and the cases that show each.
func TestEveryTrapHasACase(t *testing.T) {
	all, err := cases()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, k := range all {
		known[k.title()] = true
	}
	for what, names := range map[string]string{
		"memory accounting":                                  "memory-accounting",
		"overlay credentials on a copy-up":                   "copy-up",
		"a check granted in a user namespace of its own":     "own-user-namespace own-user-namespace-by-seccomp",
		"denied, then allowed by an alternative":             "alternative-in-one-call alternative-changes-later",
		"the same asked by two processes, one of them noise": "one-asks-for-noise all-noise",
		"FSETID's silent loss":                               "silent-loss-chmod silent-loss-write silent-loss-unnoticed silent-setfsuid",
		"netlink errors that the program ignores":            "netlink-ignored",
		"netlink errors that it does not ignore":             "netlink audit",
		"execve of a file with capabilities":                 "file-capabilities-entrypoint file-capabilities-child file-capabilities-user",
		"no-new-privileges":                                  "setuid-no-new-privileges file-capabilities-no-new-privileges file-capabilities-user-no-new-privileges",
		"capset above the permitted set":                     "capset-above-permitted capset-inheritable",
		"PR_CAP_AMBIENT_RAISE":                               "ambient-raise",
		"PR_CAPBSET_DROP":                                    "bounding-drop-ignored",
		"never ends when refused":                            "respawns-for-ever retries-for-ever",
		"a seccomp filter that looks at arguments":           "seccomp-by-clone-flags seccomp-by-personality compat-seccomp",
		"seccomp refuses whatever the capabilities":          "seccomp-for-nobody-keyring seccomp-for-nobody-pivot-root seccomp-only",
		"seccomp(2) without no_new_privs":                    "filter-without-no-new-privileges",
		"io_uring completions":                               "ring-completion ring-completion-by-worker",
		"threads that make different calls at once":          "crowd-of-threads",
		"vfork and clone with shared memory":                 "vfork-shared-memory crowd-of-threads",
		"a process that dies inside the call":                "exit-amid-calls",
		"32-bit calls":                                       "compat-setuid compat-nice compat-seccomp compat-harmless",
		"docker exec during the run":                         "docker-exec docker-exec-that-matters",
		"health checks during the run":                       "health-check health-check-that-matters",
		"needed only to be given up":                         "needed-to-be-given-up",
		"a flaky program":                                    "flaky",
		"fails with more":                                    "fails-with-more",
	} {
		for name := range strings.FieldsSeq(names) {
			if !known["trap/"+name] {
				t.Errorf("%s: there is no case trap/%s", what, name)
			}
		}
	}
}
