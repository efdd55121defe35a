package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

func TestExplain(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := profile.Save(t.Context(), "profile.json", profiletest.Proven()); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile("profile.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"corrupt.json": "{", "chown": "{"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(saved), `"schemaVersion": "2.2"`, `"schemaVersion": "99.0"`, 1)
	if err := os.WriteFile("newer.json", []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		args     []string
		stdin    string
		code     exitCode
		mentions string
	}{
		{name: "a name", args: []string{"NET_ADMIN"}, mentions: "CAP_NET_ADMIN (number 12"},
		{name: "a number", args: []string{"12"}, mentions: "CAP_NET_ADMIN (number 12"},
		{name: "a capability though a file is called so", args: []string{"chown"}, mentions: "CAP_CHOWN (number 0"},
		{name: "an unknown number", args: []string{"CAP_41"}, mentions: "CAP_41 (number 41"},
		{name: "a mask", args: []string{"00000000a80425fb"}, mentions: "14 capabilities"},
		{name: "a profile", args: []string{"profile.json"}, mentions: "without it, run 5 exits with 1"},
		{name: "a profile by its path", args: []string{filepath.Join(".", "profile.json")}, mentions: "requires 2 capabilities"},
		{name: "a profile on standard input", args: []string{"-"}, stdin: string(saved), mentions: "requires 2 capabilities"},
		{name: "one capability of a profile", args: []string{"profile.json", "CHOWN"}, mentions: "required: the workload needs CHOWN"},
		{name: "one that the profile does not require", args: []string{"profile.json", "kill"}, mentions: "dropped: KILL is not required"},
		{name: "help", args: []string{"--help"}, mentions: "capprof explain profile.json CHOWN"},
		{name: "nothing", code: exitUnfit, mentions: "needs a capability, a mask or a profile"},
		{name: "neither", args: []string{"FROBNICATE"}, code: exitUnfit, mentions: "FROBNICATE"},
		{name: "a number too high", args: []string{"64"}, code: exitUnfit, mentions: "beyond"},
		{name: "two capabilities", args: []string{"CHOWN", "KILL"}, code: exitUnfit, mentions: "a profile and a capability"},
		{name: "too many", args: []string{"profile.json", "CHOWN", "KILL"}, code: exitUnfit, mentions: "a profile and a capability"},
		{name: "no such profile", args: []string{"missing.json"}, code: exitUnfit, mentions: "missing.json"},
		{name: "a directory", args: []string{"folder"}, code: exitUnfit, mentions: "folder"},
		{name: "a corrupt profile", args: []string{"corrupt.json"}, code: exitUnfit, mentions: "corrupt.json"},
		{name: "a corrupt profile called like a capability", args: []string{"./chown"}, code: exitUnfit, mentions: "./chown"},
		{name: "a newer profile", args: []string{"newer.json"}, code: exitUnfit, mentions: "newer capprof"},
		{name: "nothing on standard input", args: []string{"-"}, code: exitUnfit, mentions: "standard input"},
		{name: "a bad capability of a profile", args: []string{"profile.json", "FROBNICATE"}, code: exitUnfit, mentions: "FROBNICATE"},
		{name: "an unknown format", args: []string{"--format", "xml", "CHOWN"}, code: exitUnfit, mentions: "xml"},
		{name: "an unknown flag", args: []string{"--frobnicate"}, code: exitUnfit, mentions: "--frobnicate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := dispatch(context.Background(), append([]string{"explain"}, tc.args...), stdio{in: strings.NewReader(tc.stdin), out: &out, err: &errs})
			said, silent := &out, &errs
			if tc.code != exitOK {
				said, silent = &errs, &out
			}
			if code != tc.code || !strings.Contains(said.String(), tc.mentions) || silent.Len() > 0 {
				t.Fatalf("exit %d, want %d and %q; standard output:\n%s\nstandard error:\n%s", code, tc.code, tc.mentions, &out, &errs)
			}
		})
	}
}

func TestExplainFlagsMayFollow(t *testing.T) {
	var out, errs bytes.Buffer
	code := dispatch(context.Background(), []string{"explain", "12", "--format", "json"}, stdio{in: strings.NewReader(""), out: &out, err: &errs})
	var answer struct {
		Kind         string
		Capabilities []struct{ Name string }
	}
	if err := json.Unmarshal(out.Bytes(), &answer); code != exitOK || err != nil || answer.Kind != "capability" || answer.Capabilities[0].Name != "CAP_NET_ADMIN" {
		t.Fatalf("exit %d, %v: %s%s", code, err, &out, &errs)
	}
}
