package profile_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

// samples are one document for each thing that a profile can say.
func samples() map[string]*profile.Document {
	return map[string]*profile.Document{
		"proven":         profiletest.Proven(),
		"empty":          profiletest.Empty(),
		"confirmed":      profiletest.Sample(profile.Confirmed),
		"by removal":     profiletest.ByRemoval(),
		"incomplete":     profiletest.Sample(profile.Incomplete),
		"failed blocked": profiletest.FailedBlocked(),
		"failed other":   profiletest.FailedOther(),
		"confined":       profiletest.Confined(),
		"tolerated":      profiletest.Tolerated(),
		"portable":       profiletest.Portable(),
		"not portable":   profiletest.NotPortable(),
		"privileged":     profiletest.WithoutPrivileged(),
		"service":        profiletest.Service(),
		"supervisord":    profiletest.Supervisord(),
		"failed service": profiletest.FailedService(),
		"database":       profiletest.Database(),
		"kept":           profiletest.KeptPrivileges(),
		"gave up":        profiletest.GaveUp(),
	}
}

func encode(t testing.TB, d *profile.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := profile.Encode(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	for name, d := range samples() {
		t.Run(name, func(t *testing.T) {
			data := encode(t, d)
			got, err := profile.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			profile.Normalize(d)
			if !reflect.DeepEqual(got, d) {
				t.Fatalf("decoded %+v\nwant %+v", got, d)
			}
		})
	}
}

func TestEncodeIsDeterministicAndPlain(t *testing.T) {
	d := profiletest.Proven()
	d.Requirements[0], d.Requirements[1] = d.Requirements[1], d.Requirements[0]
	d.Runs[0], d.Runs[4] = d.Runs[4], d.Runs[0]
	d.Workload.Command = []string{"sh", "-c", "a <b >c && d"}
	d.Workload.Options = d.Workload.Options.Set("env", "A=<b>&")
	d.Tolerated = nil
	shuffled := d.Requirements[0].Grant
	first := encode(t, d)
	if d.Requirements[0].Grant != shuffled || d.Tolerated != nil {
		t.Error("Encode changed the caller's document")
	}
	profile.Normalize(d)
	if second := encode(t, d); !bytes.Equal(first, second) {
		t.Errorf("order of the findings shows in the bytes:\n%s\n%s", first, second)
	}
	text := string(first)
	if strings.Contains(text, "null") || !strings.HasSuffix(text, "}\n") || !strings.Contains(text, `"a <b >c && d"`) || !strings.Contains(text, `"A=<b>&"`) {
		t.Errorf("null, escaped or unterminated output:\n%s", text)
	}
	if !strings.HasPrefix(text, "{\n  \"schemaVersion\": \"2.2\",\n  \"verdict\": \"proven\",") {
		t.Errorf("the document does not begin with its version and verdict:\n%.80s", text)
	}
}

func TestACapabilityWithoutANameFlowsThrough(t *testing.T) {
	d := profiletest.Proven()
	d.Capabilities.Baseline = d.Capabilities.Baseline.With(41)
	d.Tolerated = []profile.Denial{profiletest.Denial("new", capability.Cap(41))}
	got, err := profile.Decode(bytes.NewReader(encode(t, d)))
	if err != nil || !got.Capabilities.Baseline.Has(41) || got.Tolerated[0].AnyOf[0].String() != "CAP_41" {
		t.Fatalf("CAP_41 was lost: %v, %+v", err, got)
	}
}

// edit decodes an encoded document into a tree, changes it and encodes it.
func edit(t *testing.T, change func(tree map[string]any)) string {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(encode(t, profiletest.Proven()), &tree); err != nil {
		t.Fatal(err)
	}
	change(tree)
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDecodeRefuses(t *testing.T) {
	valid := string(encode(t, profiletest.Proven()))
	part := func(tree map[string]any, path ...any) map[string]any {
		var at any = tree
		for _, step := range path {
			switch step := step.(type) {
			case string:
				at = at.(map[string]any)[step]
			case int:
				at = at.([]any)[step]
			}
		}
		return at.(map[string]any)
	}
	set := func(value any, key string, path ...any) string {
		return edit(t, func(tree map[string]any) { part(tree, path...)[key] = value })
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":               {"", "empty"},
		"blanks":                {" \n", "empty"},
		"half a file":           {valid[:len(valid)/2], "ends in the middle, after"},
		"no JSON":               {"verdict: proven\n", "not JSON at byte 1"},
		"an array":              {"[]", "not a profile: it holds an array"},
		"two documents":         {valid + valid, "more after the document's end"},
		"something else":        {`{"name":"x"}`, "no schemaVersion"},
		"version without minor": {set("2", "schemaVersion"), `schemaVersion: "2" is no version such as "2.2"`},
		"version of patches":    {set("2.0.1", "schemaVersion"), `"2.0.1" is no version`},
		"version with zeros":    {set("02.0", "schemaVersion"), `"02.0" is no version`},
		"version never made":    {set("1.5", "schemaVersion"), `there was no version "1.5"`},
		"version as a number":   {set(2, "schemaVersion"), "schemaVersion: 2 is no version"},
		"version zero":          {set(0, "schemaVersion"), "schemaVersion: 0 is no version"},
		"no version":            {set([]int{2}, "schemaVersion"), "schemaVersion: an array where a string belongs"},
		"unknown verdict":       {set("certain", "verdict"), `verdict: "certain" is none of proven, confirmed`},
		"missing set":           {edit(t, func(tree map[string]any) { delete(part(tree, "capabilities"), "required") }), "capabilities.required: missing"},
		"null set":              {set(nil, "required", "capabilities"), "capabilities.required: null where an array belongs"},
		"unknown capability":    {set([]string{"CAP_NOPE"}, "required", "capabilities"), `unknown capability "CAP_NOPE"`},
		"unknown field":         {set(1, "colour\x1b", "workload"), `workload.colour\x1b: unknown field`},
		"key in another case":   {edit(t, func(tree map[string]any) { tree["Verdict"] = tree["verdict"]; delete(tree, "verdict") }), "verdict: missing"},
		"base64 for a list":     {set("AAA=", "alternatives", "requirements", 0), "requirements[0].alternatives: a string where an array belongs"},
		"number for a string":   {set(7, "reference", "workload", "image"), "workload.image.reference: a number where a string belongs"},
		"options as a list":     {set([]any{}, "options", "workload"), "workload.options: an array where an object belongs"},
		"mistyped option":       {set(map[string]any{"user": 7}, "options", "workload"), "workload.options.user: a string belongs here"},
		"unknown option":        {set(map[string]any{"colour\x1b": true}, "options", "workload"), `workload.options.colour\x1b: unknown field`},
		"impossible option":     {set(map[string]any{"volume": []any{"a:b:c:d"}}, "options", "workload"), `workload.options.volume: "a:b:c:d": too many colons`},
		"fraction for a number": {set(1.5, "number", "runs", 0), "does not fit"},
		"a grant of two":        {set(map[string]any{"capability": "CAP_CHOWN", "option": "device", "value": "/dev/fuse"}, "grant", "requirements", 0), "either a capability or an option"},
		"a grant of none":       {set(map[string]any{}, "grant", "requirements", 0), "either a capability or an option"},
		"a grant of more":       {set(map[string]any{"capability": "CAP_CHOWN", "for": 3}, "grant", "requirements", 0), "requirements[0].grant.for: unknown field"},
		"two times of a run":    {set(2, "number", "meta", "runs", 0), "meta.runs: two have the number 2"},
		"counted twice":         {set("chown", "id", "meta", "occurrences", 1), `meta.occurrences: two have the id "chown"`},
		"unknown purpose":       {set("fun", "purpose", "runs", 0), `run 1: unknown purpose "fun"`},
		"unknown outcome":       {set("great", "outcome", "runs", 0), `run 1: unknown outcome "great"`},
		"unknown finder":        {set("guess", "foundBy", "requirements", 0), `CHOWN is found by "guess"`},
		"trace without trace":   {set([]any{}, "denials", "requirements", 0), "found by trace, without denials"},
		"no proof":              {set(0, "provenBy", "requirements", 0), "verdict is proven, yet no run proves CHOWN"},
		"proof not there":       {set(99, "provenBy", "requirements", 0), "proven by run 99, which is not in runs"},
		"proof that had it":     {set(6, "provenBy", "requirements", 0), "proven by run 6, which had it"},
		"proof that lacked two": {set(1, "provenBy", "requirements", 0), "proven by run 1, which lacked SETGID too"},
		"proof that passed":     {set("passed", "outcome", "runs", 4), "whose outcome is passed"},
		"proof by refusal":      {set("refused", "outcome", "runs", 4), "whose outcome is refused"},
		"set unexplained":       {set([]any{}, "requirements"), "requirements explain none, while the answer is CHOWN, SETGID"},
		"two runs of a number":  {set(2, "number", "runs", 0), "two have the number 2"},
		"run zero":              {set(0, "number", "runs", 0), "runs count from 1"},
		"evidence from nowhere": {set(77, "run", "requirements", 0, "denials", 0), "a denial of CHOWN: it was seen in run 77"},
		"without what it had":   {set([]string{"CAP_CHOWN"}, "capabilities", "runs", 4), "said to be without CHOWN"},
		"never passed": {edit(t, func(tree map[string]any) {
			tree["runs"] = append(tree["runs"].([]any)[:2:2], tree["runs"].([]any)[4:]...)
		}), "no run passed with CHOWN, SETGID"},
		"not allowed":           {set([]any{}, "allowed", "capabilities"), "CHOWN, SETGID was not allowed"},
		"refused by the engine": {set([]string{"CAP_CHOWN"}, "refused", "capabilities"), "the engine refused CHOWN"},
		"proven with losses":    {set(1, "checks", "losses"), "losses counts some"},
		"failed with a set":     {set("failed", "verdict"), "yet an answer is given: CHOWN, SETGID"},
		"incomplete, no reason": {set("incomplete", "verdict"), "reasons gives none"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := profile.Decode(strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("Decode = %+v, %v; want an error with %q", d, err, c.want)
			}
		})
	}
}

func TestEveryByteCutOffIsNoticed(t *testing.T) {
	data := encode(t, profiletest.Tolerated())
	// The last byte is the newline, which is no part of the document.
	for n := range len(data) - 1 {
		if _, err := profile.Decode(bytes.NewReader(data[:n])); err == nil {
			t.Fatalf("%d of %d bytes passed for a profile", n, len(data))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, d := range samples() {
		f.Add(encode(f, d))
	}
	f.Add([]byte(`{"schemaVersion":"3.0"}`))
	for _, data := range oldProfiles(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := profile.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		first := encode(t, d)
		again, err := profile.Decode(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("what was encoded is refused: %v\n%s", err, first)
		}
		if second := encode(t, again); !bytes.Equal(first, second) {
			t.Fatalf("not a fixed point:\n%s\n%s", first, second)
		}
		if err := validateSchema(first); err != nil {
			t.Fatalf("the schema refuses what Decode takes: %v\n%s", err, first)
		}
	})
}
