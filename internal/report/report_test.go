package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

func written(t *testing.T, d *profile.Document, options report.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, d, options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func documents() map[string]*profile.Document {
	added := profiletest.Proven()
	added.Capabilities.Baseline = capability.Of(capability.Chown, capability.Kill)
	added.Requirements[0].Denials = append(added.Requirements[0].Denials, profiletest.Denial("chown2", capability.Chown))
	losses := profiletest.Sample(profile.Incomplete)
	losses.Losses = profile.Losses{Unseen: 7, Operations: 1, Details: 2, Checks: 3, Stacks: 4, Tasks: 5, Missed: 2}
	losses.Skipped = 4
	refused := profiletest.FailedBlocked()
	refused.Blocked[0].AnyOf = []capability.Cap{capability.Syslog, capability.SysAdmin}
	refused.Capabilities.Refused = capability.Of(capability.Syslog)
	// A server that makes sure that it is root no longer.
	pasted := profiletest.Proven()
	pasted.Capabilities.Baseline = 0
	unharmed := profiletest.Proven()
	for i, call := range []string{"setgid", "setresgid", "setuid", "setresuid", "setuid"} {
		unharmed.Failures = append(unharmed.Failures, profile.Failure{
			ID: fmt.Sprint("f-", i), Run: 3,
			Operation: profile.Operation{Executable: "/usr/sbin/sshd", Process: "sshd", UID: 105, Syscall: call, Errno: "EPERM"},
			Cause:     "the process runs as user 105", Remedies: remedy.InWords("put it on the executable"),
		})
	}
	cheaper := profiletest.Proven()
	cheaper.Capabilities.Required = capability.Of(capability.DACOverride, 41)
	cheaper.Requirements = []profile.Requirement{
		{
			Grant: grant.Capability(capability.DACOverride), FoundBy: profile.FoundByTrace, ProvenBy: 5,
			Alternatives: []grant.Grant{grant.Capability(capability.Lease)},
			Denials:      []profile.Denial{profiletest.Denial("read", capability.DACOverride, capability.Lease)},
		},
		{
			Grant: grant.Capability(41), FoundBy: profile.FoundByTrace, ProvenBy: 6,
			Denials: []profile.Denial{profiletest.Denial("tomorrow", 41)},
		},
	}
	unexplained := profiletest.FailedOther()
	unexplained.Failures = nil
	unexplained.Capabilities.BeyondAllowed = capability.Of(capability.SysNice, capability.NetAdmin)
	equal := profiletest.NotPortable()
	equal.Portable = &profile.Portable{Sysctls: equal.Portable.Sysctls, Answer: equal.Answer}
	equal.Runs = equal.Runs[:7]
	equal.Runs[6].Outcome = profile.OutcomePassed
	sharing := profiletest.Proven()
	sharing.Workload.Options = sharing.Workload.Options.Set("volume", "pgdata:/data", "./dump:/dump", "/etc/x:/x:ro")
	own := profiletest.Proven()
	own.Workload.Options = own.Workload.Options.Set("security-opt", "apparmor=unconfined", "label=type:my type").Set("user", "1000").Set("volume", "/a:/a")
	service := profiletest.FailedOther()
	for i := range service.Runs {
		if service.Runs[i].Purpose == profile.PurposeReference {
			service.Runs[i].Outcome, service.Runs[i].ExitCode = profile.OutcomeTimeout, nil
		}
	}
	service.Reasons = []string{"even with everything that is allowed (14 capabilities) the workload was still at work after 10m0s (--timeout): a job that takes longer needs a longer --timeout, and of a service that is never quiet say when it is ready (--ready)"}
	beyond := profiletest.Proven()
	beyond.Blocked = []profile.Denial{profiletest.Denial("setpriority", capability.SysNice)}
	unready := profiletest.FailedService()
	unready.Reasons, unready.Blocked, unready.Capabilities.BeyondAllowed = []string{"it was not ready within 20s (--timeout)"}, nil, 0
	unready.Runs[1].Outcome, unready.Runs[1].ExitCode, unready.Runs[1].Detail = profile.OutcomeTimeout, nil, "no line of its output matches"
	return map[string]*profile.Document{
		"service-unready":       unready,
		"service-nginx":         profiletest.Service(),
		"kept":                  profiletest.KeptPrivileges(),
		"gave-up":               profiletest.GaveUp(),
		"service-supervisord":   profiletest.Supervisord(),
		"service-failed":        profiletest.FailedService(),
		"service-database":      profiletest.Database(),
		"sharing":               sharing,
		"service":               service,
		"denied-beyond":         beyond,
		"proven":                profiletest.Proven(),
		"proven-more-than-now":  added,
		"empty":                 profiletest.Empty(),
		"confirmed":             profiletest.Sample(profile.Confirmed),
		"confirmed-no-trace":    profiletest.ByRemoval(),
		"incomplete":            profiletest.Sample(profile.Incomplete),
		"incomplete-all-losses": losses,
		"failed-blocked":        profiletest.FailedBlocked(),
		"failed-refused":        refused,
		"failed-other":          profiletest.FailedOther(),
		"failed-unexplained":    unexplained,
		"confined":              profiletest.Confined(),
		"own-options":           own,
		"unharmed":              unharmed,
		"cheaper-alternative":   cheaper,
		"tolerated":             profiletest.Tolerated(),
		"pasted-cap-drop-all":   pasted,
		"portable":              profiletest.Portable(),
		"portable-equal":        equal,
		"portable-failed":       profiletest.NotPortable(),
		"privileged":            profiletest.WithoutPrivileged(),
	}
}

func TestGolden(t *testing.T) {
	all := documents()
	for name, d := range profiletest.Recorded(t) {
		all["recorded-"+name] = d
	}
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			got := written(t, d, report.Options{})
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestRunsThatWereShown: the list of runs goes, and nothing else.
func TestRunsThatWereShown(t *testing.T) {
	for name, d := range documents() {
		all, short := written(t, d, report.Options{}), written(t, d, report.Options{RunsWereShown: true})
		before, rest, _ := strings.Cut(all, fmt.Sprintf("\nRuns (%d)\n", len(d.Runs)))
		_, after, _ := strings.Cut(rest, "\n\n")
		if after != "" {
			after = "\n" + after
		}
		if short != before+after {
			t.Errorf("%s:\n%s\nwant:\n%s", name, short, before+after)
		}
	}
}

func TestWrapsToTheWidth(t *testing.T) {
	for name, d := range documents() {
		for _, width := range []int{40, 60, 120} {
			for line := range strings.Lines(written(t, d, report.Options{Width: width})) {
				line = strings.TrimSuffix(line, "\n")
				// The command line is there to be copied, and long words stay whole.
				longWord := slices.ContainsFunc(strings.Fields(line), func(word string) bool { return len(word) > width/2 })
				if n := utf8.RuneCountInString(line); n > width && !longWord && !strings.HasPrefix(line, "  docker run") {
					t.Errorf("%s at %d: %d characters: %q", name, width, n, line)
				}
			}
		}
	}
}

func TestColourIsOnlyPaint(t *testing.T) {
	escapes := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for name, d := range documents() {
		plain, coloured := written(t, d, report.Options{}), written(t, d, report.Options{Color: true})
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: colour that nobody asked for", name)
		}
		if !strings.Contains(coloured, "\x1b[1;3") || escapes.ReplaceAllString(coloured, "") != plain {
			t.Errorf("%s: without its colours the report is another one:\n%s", name, coloured)
		}
	}
}

func TestWorkloadsCannotPaintTheTerminal(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;title\x07\nproven: all is well\u202e\xff"
	d := profiletest.Tolerated()
	d.Workload.Image.Reference = evil
	d.Reasons = []string{evil}
	for _, denial := range []*profile.Denial{&d.Tolerated[0], &d.Requirements[0].Denials[0]} {
		denial.Executable, denial.Object, denial.Syscall = evil, evil, evil
		denial.Errno, denial.Mechanism, denial.CallSite, denial.Meaning = evil, evil, evil, evil
		denial.Remedies = remedy.InWords(evil)
	}
	d.Failures = []profile.Failure{{Operation: profile.Operation{Executable: evil, Process: evil, Syscall: evil, Object: evil, Errno: evil}, Cause: evil, Remedies: remedy.InWords(evil)}}
	text := written(t, d, report.Options{Width: 200})
	for _, r := range text {
		if r != '\n' && (r < ' ' || r == 0x7f || r == '\u202e' || r == utf8.RuneError) {
			t.Fatalf("%q reaches the terminal in:\n%q", r, text)
		}
	}
	if strings.Contains(text, "\nproven: all is well") {
		t.Errorf("a forged line:\n%s", text)
	}
}

func TestLongListsAreCut(t *testing.T) {
	d := profiletest.Tolerated()
	for i := range 40 {
		denial := profiletest.Denial(fmt.Sprint("d", i), capability.Kill)
		d.Tolerated = append(d.Tolerated, denial)
		d.Failures = append(d.Failures, profile.Failure{ID: fmt.Sprint("f", i), Operation: profile.Operation{Executable: "/x", Syscall: "open", Errno: "EACCES"}, Cause: fmt.Sprint("cause ", i)})
	}
	text := written(t, d, report.Options{})
	if !strings.Contains(text, "and 32 more in the profile") || !strings.Contains(text, "and 30 more in the profile") || strings.Count(text, "\n") > 60 {
		t.Errorf("not cut:\n%s", text)
	}
}

// A capability that has no name yet goes by its number, and a kernel function that
// the table does not know is shown as it is.
func TestTheUnknownIsShown(t *testing.T) {
	const tomorrow = capability.Cap(41)
	d := profiletest.Tolerated()
	denial := profiletest.Denial("new", tomorrow)
	denial.CallSite, denial.Meaning = "future_thing", ""
	d.Capabilities.Required = d.Capabilities.Required.With(tomorrow)
	d.Requirements = append(d.Requirements, profile.Requirement{Grant: grant.Capability(tomorrow), FoundBy: profile.FoundByTrace, ProvenBy: 1, Denials: []profile.Denial{denial}})
	d.Tolerated = append(d.Tolerated, denial)
	text := written(t, d, report.Options{Width: 200})
	if strings.Count(text, "future_thing") != 2 || !strings.Contains(text, "--cap-add CAP_41") || strings.Count(text, "  CAP_41 ") != 2 {
		t.Errorf("not shown, or not everywhere:\n%s", text)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestAWriteErrorIsReported(t *testing.T) {
	if err := report.Write(brokenWriter{}, profiletest.Empty(), report.Options{}); !errors.Is(err, errBroken) {
		t.Errorf("Write = %v", err)
	}
}

// On Podman the set is for podman run.
func TestUseItOnPodman(t *testing.T) {
	d := profiletest.Proven()
	d.Environment.Engine = "Podman"
	d.Workload.Options = d.Workload.Options.Set("security-opt", "systempaths=unconfined")
	var b bytes.Buffer
	if err := report.Write(&b, d, report.Options{}); err != nil || !strings.Contains(b.String(), "\n  podman run --cap-drop ALL --cap-add CHOWN --cap-add SETGID --security-opt unmask=ALL\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
