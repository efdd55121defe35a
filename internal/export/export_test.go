package export_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/export"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// hostile are strings that a careless writer of YAML or shell gets wrong.
var hostile = []string{
	"", " ", " lead and trail ", "$HOME", "${X:-y}", "$$", "a$", "`id`", "$(id)", `"`, `'`, `'"'"'`, `\`, `a\nb`, "two\nlines", "\n", "tab\there",
	"-v", "--privileged", "-", "--", "yes", "No", "on", "OFF", "y", "true", "null", "~", "1e3", "0x1F", "0777", "08", "0o17", "12:30", "12:30:45", "1_000",
	"2026-01-02", ".inf", "=", "<<", "?", "!", "!!str x", "&a", "*a", "|", ">", "@", "%", "#", "a #b", "a: b", "a:", "- x", "[", "]", "{", "}", ",", "[a, b]", "{a: b}",
	"é", "日本", "😀", "\u202e", "\u2028", "\ufeff", "\u0085", "\x1b[31m", "\x01", "\x7f", "*.txt", "?", "[a-z]", "a;b", "a&b", "a|b", "a>b", "(a)", "!x", "~user", strings.Repeat("long ", 60),
}

// worst is a workload with every option, hostile where the engine lets it be.
func worst() *profile.Document {
	d := profiletest.Proven()
	w := &d.Workload
	w.Command = append([]string{"-c"}, hostile...)
	var env []string
	for i, value := range hostile {
		env = append(env, "V"+string(rune('A'+i%26))+string(rune('A'+i/26))+"="+value)
	}
	w.Options = workload.Options{}.
		Set("env", append(env, "FROM_CALLER")...).
		Set("volume", "/src dir:/data:ro", "named.volume:/state", "/anonymous", "named.volume:/state2").
		Set("workdir", "/work $dir").Set("user", "0:0").Set("network", "none").Set("hostname", "worst").
		Set("sysctl", "net.ipv4.ip_unprivileged_port_start=1024", "kernel.msgmax=65536").
		Set("security-opt", "no-new-privileges", "apparmor=unconfined").
		Set("device", "/dev/null:/dev/mine:rw").Set("tmpfs", "/run:rw,size=64k", "/tmp").
		Set("entrypoint", "/bin/$sh").
		Set("read-only", "true").Set("interactive", "true").Set("tty", "true")
	return d
}

func exported(t *testing.T, format string, d *profile.Document) string {
	t.Helper()
	exporter, err := export.Lookup(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := exporter.Export(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// comments joins the comment lines of an export.
func comments(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			words = append(words, strings.TrimSpace(comment))
		}
	}
	return strings.Join(words, " ")
}

func TestNamesAndLookup(t *testing.T) {
	if got := export.Names(); !slices.Equal(got, []string{"compose", "docker", "json", "k8s", "label", "podman", "quadlet", "systemd"}) {
		t.Errorf("Names() = %v", got)
	}
	if _, err := export.Lookup("toml"); err == nil || !strings.Contains(err.Error(), "compose, docker, json, k8s, label, podman, quadlet, systemd") {
		t.Errorf("Lookup(toml) = %v, want the list of formats", err)
	}
}

func TestFailedIsNoAnswer(t *testing.T) {
	for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
		exporter, err := export.Lookup(format)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		err = exporter.Export(&b, profiletest.FailedBlocked())
		if !errors.Is(err, export.ErrNoAnswer) || !strings.Contains(err.Error(), "SYS_TIME") || b.Len() != 0 {
			t.Errorf("%s: %v and %q; want ErrNoAnswer with the reason and no output", format, err, b.String())
		}
	}
	if got, err := profile.Decode(strings.NewReader(exported(t, "json", profiletest.FailedBlocked()))); err != nil || got.Verdict != profile.Failed {
		t.Errorf("json: %+v, %v", got, err)
	}
}

func TestWarningsLeadTheExport(t *testing.T) {
	for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
		text := exported(t, format, profiletest.Sample(profile.Incomplete))
		if !strings.HasPrefix(text, "# WARNING: ") || !strings.Contains(comments(text), "the tracer lost 12 operations") {
			t.Errorf("%s does not begin with the warning:\n%s", format, text)
		}
		if text := exported(t, format, profiletest.Sample(profile.Confirmed)); !strings.Contains(comments(text), "was not proven") {
			t.Errorf("%s takes confirmed for proven:\n%s", format, text)
		}
		if text := exported(t, format, profiletest.Proven()); strings.Contains(text, "WARNING") {
			t.Errorf("%s warns of a proven profile:\n%s", format, text)
		}
	}
}

func TestPrivilegesKeptAreAWarning(t *testing.T) {
	for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
		text := comments(exported(t, format, profiletest.KeptPrivileges()))
		if !strings.Contains(text, "for want of SETUID: /usr/sbin/apache2: setuid(33)") || !strings.Contains(text, "it stays root") {
			t.Errorf("%s does not warn:\n%s", format, text)
		}
	}
}

func TestNonRootUsers(t *testing.T) {
	for user, want := range map[string]bool{"": false, "0": false, "root": false, "0:5": false, "00": false, "1000": true, "nginx": true, "1000:0": true} {
		d := profiletest.Proven()
		d.Workload.Options = d.Workload.Options.Set("user", user)
		for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
			hint := "to root alone"
			if slices.Contains([]string{"label", "podman", "quadlet"}, format) {
				hint = "in its ambient set, so that it holds them"
			}
			if got := strings.Contains(comments(exported(t, format, d)), hint); got != want {
				t.Errorf("%s, user %q: the hint is there: %v, want %v", format, user, got, want)
			}
		}
	}
	needsNothing := profiletest.Empty()
	needsNothing.Workload.Options = needsNothing.Workload.Options.Set("user", "1000")
	if text := exported(t, "docker", needsNothing); strings.Contains(text, "to root alone") {
		t.Errorf("a hint on added capabilities, and none is added:\n%s", text)
	}
}

func TestNothingBreaksOutOfAComment(t *testing.T) {
	d := profiletest.Sample(profile.Incomplete)
	d.Workload.Image.Digest = "x\ncap_add: [SYS_ADMIN]"
	d.Reasons = []string{"first\nrm -rf /\x1b[2J\r\u2028second"}
	clean := profiletest.Sample(profile.Incomplete)
	for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
		if got, want := body(exported(t, format, d)), body(exported(t, format, clean)); got != want {
			t.Errorf("%s: a note reaches the body:\n%s\nwant:\n%s", format, got, want)
		}
	}
}

// TestNothingIsHidden: what a reader sees of an export is what a program gets.
func TestNothingIsHidden(t *testing.T) {
	for _, format := range []string{"compose", "docker"} {
		d := worst()
		d.Workload.Image.Reference = "a\u202eb\U000e0041"
		text := exported(t, format, d)
		for _, r := range text {
			if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
				t.Errorf("%s shows %U as it is", format, r)
			}
		}
	}
	var file struct {
		Services map[string]struct{ Image string }
	}
	d := worst()
	d.Workload.Image.Reference = "a\u202eb\U000e0041\u00a0"
	if err := yaml.Unmarshal([]byte(exported(t, "compose", d)), &file); err != nil || len(file.Services) != 1 {
		t.Fatal(err)
	}
	for _, service := range file.Services {
		if service.Image != d.Workload.Image.Reference {
			t.Errorf("the image reads back as %q", service.Image)
		}
	}
}

// body is an export without its comment lines, which are printable to the end.
func body(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "# ") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestACapabilityOfTomorrow(t *testing.T) {
	d := profiletest.Proven()
	d.Capabilities.Required = capability.Of(capability.Cap(41))
	for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
		// Of Kubernetes' names the runtime makes the kernel's: it adds the CAP_.
		want := map[string]string{
			"k8s": "- \"41\"", "docker": "--cap-add CAP_41", "compose": "- CAP_41",
			"podman": "--cap-add CAP_41", "quadlet": "AddCapability=CAP_41", "label": `"CAP_41"`,
		}[format]
		if text := exported(t, format, d); !strings.Contains(text, want) {
			t.Errorf("%s drops CAP_41:\n%s", format, text)
		}
	}
}
