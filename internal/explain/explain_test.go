package explain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/explain"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/text"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t *testing.T, e explain.Explanation, format string, width int) string {
	t.Helper()
	write, err := explain.Lookup(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b, e, explain.Options{Width: width}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostile is a profile whose names try to forge lines of the output.
func hostile() *profile.Document {
	d := profiletest.Proven()
	d.Workload.Image.Reference = "evil\x1b[2J\nproven:"
	d.Requirements[0].Denials[0].Executable = "/tmp/\u202egpj.exe\n  - proof: none"
	return d
}

// incomplete is one with a tolerated denial, which then is none.
func incomplete() *profile.Document {
	d := profiletest.Sample(profile.Incomplete)
	denial := profiletest.Denial("nice", capability.SysNice)
	d.Tolerated, d.Capabilities.Tolerated = []profile.Denial{denial}, capability.Of(capability.SysNice)
	return d
}

func TestGolden(t *testing.T) {
	all := map[string]explain.Explanation{
		"capability":           explain.OfCapability(capability.SysPtrace),
		"capability-default":   explain.OfCapability(capability.NetRaw),
		"capability-unknown":   explain.OfCapability(41),
		"mask-docker":          explain.OfMask(capability.DockerDefault),
		"mask-empty":           explain.OfMask(0),
		"mask-unknown":         explain.OfMask(capability.Of(capability.SysAdmin, 41, 63)),
		"profile-proven":       explain.OfProfile(profiletest.Proven()),
		"profile-empty":        explain.OfProfile(profiletest.Empty()),
		"profile-removal":      explain.OfProfile(profiletest.ByRemoval()),
		"profile-blocked":      explain.OfProfile(profiletest.FailedBlocked()),
		"profile-tolerated":    explain.OfProfile(profiletest.Tolerated()),
		"profile-incomplete":   explain.OfProfile(incomplete()),
		"profile-hostile":      explain.OfProfile(hostile()),
		"profile-one-required": explain.OfProfileCapability(profiletest.Proven(), capability.Chown),
		"profile-portable":     explain.OfProfile(profiletest.Portable()),
		"profile-not-portable": explain.OfProfileCapability(profiletest.NotPortable(), capability.NetBindService),
		"profile-privileged":   explain.OfProfile(profiletest.WithoutPrivileged()),
		"profile-service":      explain.OfProfile(profiletest.Supervisord()),
		"profile-execs":        explain.OfProfile(profiletest.Database()),
		"profile-one-dropped":  explain.OfProfileCapability(profiletest.Proven(), capability.NetBindService),
	}
	// The product's own sentences.
	for name, d := range profiletest.Recorded(t) {
		all["recorded-"+name] = explain.OfProfile(d)
	}
	for name, e := range all {
		for _, format := range explain.Formats() {
			if strings.HasPrefix(name, "recorded-") && format != "text" {
				continue
			}
			t.Run(name+"."+format, func(t *testing.T) {
				got := render(t, e, format, 0)
				golden := filepath.Join("testdata", name+"."+format+".golden")
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("differs from %s (-update writes it):\n%s", golden, got)
				}
			})
		}
	}
}

// TestTextFitsThePage: every capability, wrapped and printable.
func TestTextFitsThePage(t *testing.T) {
	for c := capability.Cap(0); c <= capability.Max; c++ {
		for _, width := range []int{1, 60, 80, 200} {
			page := render(t, explain.OfProfileCapability(hostile(), c), "text", width)
			for line := range strings.Lines(page) {
				line = strings.TrimSuffix(line, "\n")
				if text.Printable(line) != line {
					t.Fatalf("%v: %q is not printable", c, line)
				}
				words := strings.Fields(line)
				if length := utf8.RuneCountInString(line); length > max(width, 40) && len(words) > 2 {
					t.Fatalf("%v at %d: %q is %d wide", c, width, line, length)
				}
				if strings.TrimRight(line, " ") != line {
					t.Fatalf("%v: %q ends in a space", c, line)
				}
			}
		}
	}
}

func TestStatus(t *testing.T) {
	refused := profiletest.Proven()
	refused.Capabilities.Refused = capability.Of(capability.SysResource)
	for _, tc := range []struct {
		name string
		d    *profile.Document
		c    capability.Cap
		want explain.Status
	}{
		{"required", profiletest.Proven(), capability.Chown, explain.Required},
		{"found by removal", profiletest.ByRemoval(), capability.Kill, explain.Required},
		{"blocked", profiletest.FailedBlocked(), capability.SysTime, explain.Blocked},
		{"an alternative", profiletest.Tolerated(), capability.DACOverride, explain.Alternative},
		{"tolerated", profiletest.Tolerated(), capability.SysNice, explain.Tolerated},
		{"tolerated means nothing in an incomplete profile", incomplete(), capability.SysNice, explain.Undecided},
		{"privileges kept", profiletest.KeptPrivileges(), capability.SetUID, explain.Kept},
		{"required elsewhere", profiletest.Portable(), capability.NetBindService, explain.Portable},
		{"no help elsewhere", profiletest.NotPortable(), capability.NetBindService, explain.Dropped},
		{"refused by the engine", refused, capability.SysResource, explain.Refused},
		{"dropped", profiletest.Proven(), capability.Kill, explain.Dropped},
		{"never granted, never asked for", profiletest.Proven(), capability.SysModule, explain.NotNeeded},
		{"unknown number", profiletest.Proven(), 41, explain.NotNeeded},
		{"no set was found", profiletest.FailedOther(), capability.Kill, explain.Undecided},
		{"incomplete", profiletest.Sample(profile.Incomplete), capability.Kill, explain.Undecided},
		{"incomplete, in the set", profiletest.Sample(profile.Incomplete), capability.Chown, explain.Required},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := explain.OfProfileCapability(tc.d, tc.c)
			if len(e.Capabilities) != 1 || e.Capabilities[0].Workload.Status != tc.want || e.Capabilities[0].Workload.Meaning == "" {
				t.Fatalf("%+v, want %s", e.Capabilities[0].Workload, tc.want)
			}
		})
	}
}

func TestNotesNameTheSysctl(t *testing.T) {
	d := profiletest.Proven()
	// A trace tells whether the workload depends on them.
	d.Environment.Traced = false
	note := func(c capability.Cap) string {
		return strings.Join(explain.OfProfileCapability(d, c).Capabilities[0].Workload.Notes, "\n")
	}
	if got := note(capability.NetBindService); !strings.Contains(got, "ip_unprivileged_port_start=0") {
		t.Errorf("ports: %q", got)
	}
	if got := note(capability.NetRaw); !strings.Contains(got, "ping_group_range=0 2147483647") {
		t.Errorf("ping: %q", got)
	}
	d.Environment.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024", "net.ipv4.ping_group_range": "1\t0"}
	if got := note(capability.NetBindService) + note(capability.NetRaw); got != "" {
		t.Errorf("with the kernel's defaults: %q", got)
	}
}

// TestJSONHoldsNoNull: a reader may range over every array.
func TestJSONHoldsNoNull(t *testing.T) {
	for _, e := range []explain.Explanation{
		explain.OfCapability(63), explain.OfMask(0), explain.OfMask(^capability.Set(0)),
		explain.OfProfile(profiletest.Empty()), explain.OfProfile(profiletest.FailedOther()), explain.OfProfile(profiletest.ByRemoval()),
	} {
		text := render(t, e, "json", 0)
		if strings.Contains(text, "null") || !json.Valid([]byte(text)) {
			t.Errorf("%s", text)
		}
	}
}

func TestProfileMentionsWhatWasDenied(t *testing.T) {
	var names []string
	for _, c := range explain.OfProfile(profiletest.Tolerated()).Capabilities {
		names = append(names, c.Name)
	}
	if want := []string{"CAP_DAC_READ_SEARCH", "CAP_FSETID", "CAP_NET_ADMIN", "CAP_SYS_NICE"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	for _, format := range explain.Formats() {
		write, err := explain.Lookup(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(full{}, explain.OfCapability(0), explain.Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if _, err := explain.Lookup("xml"); err == nil || !strings.Contains(err.Error(), "json, text") {
		t.Errorf("xml: %v", err)
	}
}
