package drift_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const evil = "a|b`c\\|d</code><script>@all [x](y) {0} \x1b[31m\n| + | `CAP_SYS_ADMIN` | \u202e"

func results(t testing.TB) map[string]drift.Result {
	t.Helper()
	recorded, fewer := profiletest.Recorded(t), profiletest.WithoutPrivileged()
	fewer.Relaxations, fewer.Requirements = fewer.Relaxations[:1], fewer.Requirements[:2]
	before, now := with(capability.Kill, capability.Chown), with(capability.Chown, capability.NetAdmin)
	now.Requirements[0].Denials[0].Object = "/srv"
	now.Environment.Kernel = "6.19.0"
	hostile := with(capability.Chown)
	hostile.Workload.Image.Reference = evil
	hostile.Requirements[0].Denials[0].Object = evil
	// A service that a restart makes change owners again, and that is used now.
	moved := profiletest.Service()
	moved.Requirements[0].Phases = append(moved.Requirements[0].Phases, moved.Requirements[1].Phases[1])
	moved.Scenario.Probes = []string{"curl -f http://$CAPPROF_ADDRESS/ | grep ok"}
	moved.Scenario.Stopped.Killed = true
	return map[string]drift.Result{
		"service":    drift.Compare(profiletest.Service(), moved),
		"to-service": drift.Compare(profiletest.Proven(), profiletest.Database()),
		"none":       drift.Compare(profiletest.Proven(), profiletest.Proven()),
		"drift":      drift.Compare(before, now),
		"unfit":      drift.Compare(profiletest.Proven(), profiletest.Sample(profile.Incomplete)),
		// The product's own sentences.
		"recorded":   drift.Compare(recorded["su"], recorded["sudo"]),
		"portable":   drift.Compare(profiletest.Proven(), profiletest.Portable()),
		"lost":       drift.Compare(profiletest.Portable(), profiletest.NotPortable()),
		"privileged": drift.Compare(fewer, profiletest.WithoutPrivileged()),
		"hostile":    drift.Compare(profiletest.Empty(), hostile),
	}
}

func written(t *testing.T, format string, r drift.Result, options drift.Options) []byte {
	t.Helper()
	write, err := drift.Lookup(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b, r, options); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, r := range results(t) {
		for _, format := range drift.Formats() {
			t.Run(name+"."+format, func(t *testing.T) {
				got := written(t, format, r, drift.Options{OldPath: "old.json", NewPath: "ci/new profile.json", Version: "0.1.0"})
				path := filepath.Join("testdata", name+"."+format+".golden")
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
				for _, c := range string(got) {
					if c != '\n' && c < ' ' || c == '\u202e' {
						t.Errorf("%q reaches the reader", c)
					}
				}
			})
		}
	}
}

func TestTextHasOneLineForEachChange(t *testing.T) {
	lines := strings.Split(string(written(t, "text", results(t)["drift"], drift.Options{})), "\n")
	if !strings.HasPrefix(lines[0], "+CAP_NET_ADMIN  /usr/sbin/nginx: call_net_admin") || !strings.HasPrefix(lines[1], "-CAP_KILL       was: /usr/sbin/nginx: call_kill") || lines[2] != "" {
		t.Errorf("%q", lines)
	}
}

func TestMarkdownKeepsStringsInTheirCell(t *testing.T) {
	// What is left without the code spans and elements is this package's own.
	code := regexp.MustCompile("`[^`]*`|<code>[^<]*</code>")
	for line := range strings.Lines(string(written(t, "markdown", results(t)["hostile"], drift.Options{}))) {
		rest := code.ReplaceAllStringFunc(line, func(span string) string {
			if strings.ContainsAny(span, "|\\") {
				t.Errorf("a table reads into %q", span)
			}
			return "CODE"
		})
		if strings.ContainsAny(rest, "`<>@[]{}\\") {
			t.Errorf("outside of code: %q", rest)
		}
		if strings.HasPrefix(rest, "|") && strings.Count(rest, "|") != 4 {
			t.Errorf("not three cells: %q", rest)
		}
	}
}

func TestJSONIsTheResult(t *testing.T) {
	for name, r := range results(t) {
		data := written(t, "json", r, drift.Options{})
		var got drift.Result
		if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %v, %+v, want %+v", name, err, got, r)
		}
		if bytes.Contains(data, []byte("null")) {
			t.Errorf("%s: null in\n%s", name, data)
		}
	}
}

// The schema in testdata is that of the OASIS standard, errata 01, without its
// descriptions.
func TestSARIFMeetsItsSchema(t *testing.T) {
	data, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range results(t) {
		for _, options := range []drift.Options{{OldPath: "old.json", NewPath: "new.json"}, {OldPath: "/abs/a b#?.json", NewPath: "-", Version: "1"}} {
			log, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, "sarif", r, options)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(log); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	broken, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{"results":[]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(broken) == nil {
		t.Error("the schema takes a run without a tool")
	}
}

func TestSARIFSaysWhatAndWhere(t *testing.T) {
	type location struct {
		PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
	}
	type log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Invocations []struct{ ExecutionSuccessful bool }
			Results     []struct {
				RuleID, Level string
				RuleIndex     int
				Message       struct{ Text string }
				Locations     []location
			}
		}
	}
	read := func(r drift.Result, options drift.Options) log {
		var got log
		if err := json.Unmarshal(written(t, "sarif", r, options), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	run := read(results(t)["drift"], drift.Options{OldPath: "old.json", NewPath: "ci/new #1.json"}).Runs[0]
	var levels []string
	for _, result := range run.Results {
		levels = append(levels, result.RuleID+" "+result.Level)
		if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
			t.Errorf("%s points at rule %d", result.RuleID, result.RuleIndex)
		}
		if uri := result.Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "ci/new%20%231.json" {
			t.Errorf("location %s", uri)
		}
	}
	if !slices.Equal(levels, []string{"CAP_NET_ADMIN error", "CAP_KILL note"}) || !run.Invocations[0].ExecutionSuccessful {
		t.Errorf("results %v", levels)
	}
	for options, want := range map[drift.Options]string{
		{OldPath: "/abs/old.json", NewPath: "-"}: "file:///abs/old.json",
		{OldPath: "a:b.json"}:                    "./a:b.json",
		{OldPath: "./x/../old.json"}:             "old.json",
	} {
		if uri := read(results(t)["drift"], options).Runs[0].Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != want {
			t.Errorf("%+v is located at %s, want %s", options, uri, want)
		}
	}
	if unfit := read(results(t)["unfit"], drift.Options{}).Runs[0]; unfit.Invocations[0].ExecutionSuccessful || len(unfit.Results) != 0 {
		t.Errorf("a comparison that was not made reads as a clean one: %+v", unfit)
	}
	text := read(results(t)["hostile"], drift.Options{}).Runs[0].Results[0].Message.Text
	if !strings.Contains(text, `\[x\](y) {{0}}`) {
		t.Errorf("a link or a placeholder is left in %q", text)
	}
}

func TestLookupNamesTheFormats(t *testing.T) {
	if _, err := drift.Lookup("html"); err == nil || !strings.Contains(err.Error(), "json, markdown, sarif, text") {
		t.Errorf("Lookup(html) = %v", err)
	}
}
