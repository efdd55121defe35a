package profile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	v1 "github.com/capprof/capprof/internal/profile/v1"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/workload"
)

const schemaV1 = "schema-v1.json"

// oldProfiles are the nine recorded profiles as they were in version 1, by name.
func oldProfiles(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "v1", "*.json"))
	if err != nil || len(paths) != 10 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	all := map[string][]byte{}
	for _, path := range paths {
		if filepath.Base(path) == schemaV1 {
			continue
		}
		if all[strings.TrimSuffix(filepath.Base(path), ".json")], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The frozen types are those of the schema that the old profiles were written to.
func TestTypesOfVersion1(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "v1", schemaV1))
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	compare := &comparison{t: t, root: root, used: map[string]bool{}}
	compare.node(root, reflect.TypeFor[v1.Document](), "document")
	compare.unused()
}

func TestVersion1IsBroughtForward(t *testing.T) {
	for name, data := range oldProfiles(t) {
		t.Run(name, func(t *testing.T) {
			var old v1.Document
			if err := json.Unmarshal(data, &old); err != nil {
				t.Fatal(err)
			}
			d, err := profile.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := validateSchema(encode(t, d)); err != nil {
				t.Error(err)
			}
			if d.SchemaVersion != profile.SchemaVersion || d.Capabilities.Required != old.Capabilities.Required || len(d.Runs) != len(old.Runs) ||
				len(d.Requirements) != len(old.Required) || len(d.Meta.Runs) != len(old.Meta.DurationsMS) || len(d.Meta.Occurrences) != len(old.Meta.Counts) {
				t.Errorf("something is gone: %+v", d)
			}
			sameNeeds(t, d, &old)
			if p := d.Portable; (p == nil) != (old.Portable == nil) || p != nil && p.Capabilities.Required != old.Portable.Capabilities {
				t.Errorf("portable: %+v, was %+v", p, old.Portable)
			}
			// A proof that came along is one.
			for _, r := range d.Requirements {
				if r.ProvenBy == 0 {
					continue
				}
				run := d.Runs[r.ProvenBy-1]
				if rest := d.Grants().Without(r.Grant); !run.Grants().Equal(rest) {
					t.Errorf("%s is proven by a run with %s, which is not %s", r.Grant, run.Grants(), rest)
				}
			}
			for _, a := range answers(d) {
				proven := !slices.ContainsFunc(a.Requirements, func(r profile.Requirement) bool { return r.ProvenBy == 0 })
				if proven != (a.Verdict == profile.Proven) || proven != (len(a.Reasons) == 0) {
					t.Errorf("%s, because of %q", a.Verdict, a.Reasons)
				}
			}
		})
	}
}

func answers(d *profile.Document) []profile.Answer {
	all := []profile.Answer{d.Answer}
	if d.Portable != nil {
		all = append(all, d.Portable.Answer)
	}
	return all
}

// sameNeeds: what explains a need has its words and counts from before.
func sameNeeds(t *testing.T, d *profile.Document, old *v1.Document) {
	t.Helper()
	for _, was := range old.Required {
		r, ok := d.Requirement(grant.Capability(was.Capability))
		if !ok || len(r.Denials) != len(was.Evidence) || string(r.FoundBy) != was.FoundBy {
			t.Fatalf("%s: %+v, was %+v", was.Capability, r, was)
		}
		for i, denial := range r.Denials {
			before := was.Evidence[slices.IndexFunc(was.Evidence, func(e v1.Denial) bool { return e.ID == denial.ID })]
			if denial.Object != before.Object || denial.Errno != before.Errno || denial.Silent != before.Lost || denial.Run != before.Run ||
				!slices.Equal(denial.Remedies, remedy.InWords(before.Cure)) && before.Cure != "" {
				t.Errorf("denial %d: %+v, was %+v", i, denial, before)
			}
			if got := d.Meta.Count(denial.ID); got != old.Meta.Counts[denial.ID] {
				t.Errorf("%s: %d times, was %d", denial.ID, got, old.Meta.Counts[denial.ID])
			}
		}
	}
}

// editV1 changes the old profile of nginx.
func editV1(t *testing.T, change func(old *v1.Document)) []byte {
	t.Helper()
	var old v1.Document
	if err := json.Unmarshal(oldProfiles(t)["nginx"], &old); err != nil {
		t.Fatal(err)
	}
	change(&old)
	data, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A proof under a larger set is no proof: SETUID may be needed for what CHOWN made
// possible alone.
func TestProofsUnderLargerSetsDoNotComeAlong(t *testing.T) {
	setuid := grant.Capability(capability.SetUID)
	d, err := profile.Decode(bytes.NewReader(editV1(t, func(old *v1.Document) {
		for i, run := range old.Runs {
			if run.Without != nil && *run.Without == capability.SetUID {
				old.Runs[i].Set = run.Set.With(capability.Kill)
			}
		}
	})))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := d.Requirement(setuid)
	if d.Verdict != profile.Confirmed || r.ProvenBy != 0 || len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0], "profile the workload again") {
		t.Errorf("%s, %q, %+v", d.Verdict, d.Reasons, r)
	}
	if other, _ := d.Requirement(grant.Capability(capability.Chown)); other.ProvenBy == 0 {
		t.Errorf("the proof of %s is gone too", other.Grant)
	}
}

// What --privileged was replaced by stood as options on a command line.
func TestOpeningsBecomeRelaxations(t *testing.T) {
	const option = "--device-cgroup-rule c 10:229 rwm"
	d, err := profile.Decode(bytes.NewReader(editV1(t, func(old *v1.Document) {
		old.Portable, old.Workload.Privileged = nil, true
		old.Openings = []v1.Opening{{Option: option, Opens: "a device", Danger: "none", FoundBy: "removal", ProvenBy: len(old.Runs) + 1, Evidence: []v1.Failure{}}}
		for i := range old.Runs {
			old.Runs[i].Options = append(old.Runs[i].Options, option)
		}
		old.Runs = append(old.Runs, v1.Run{Number: len(old.Runs) + 1, Purpose: "remove", Set: old.Capabilities.Required, Closed: option, Outcome: "stuck", ExitCode: -1})
	})))
	if err != nil {
		t.Fatal(err)
	}
	g := grant.Option(d.Relaxations[0])
	r, ok := d.Requirement(g)
	last := d.Runs[len(d.Runs)-1]
	if !ok || d.Verdict != profile.Proven || r.ProvenBy != last.Number || r.Allows != "a device" || g.String() != option ||
		last.Without == nil || *last.Without != g || last.ExitCode != nil {
		t.Errorf("%s: %+v, %+v", d.Verdict, r, last)
	}
}

// Without a trace the sysctls were not seen; Docker's were meant.
func TestUnseenSysctlsBecomeDockers(t *testing.T) {
	d, err := profile.Decode(bytes.NewReader(editV1(t, func(old *v1.Document) { old.Environment.Sysctls = map[string]string{} })))
	if err != nil {
		t.Fatal(err)
	}
	if own := d.OwnSysctls(); len(own) != 1 || own["net.ipv4.ip_unprivileged_port_start"] != "0" {
		t.Errorf("%q", own)
	}
}

// The options of docker run were spelled out, each in a field.
func TestOptionsComeForward(t *testing.T) {
	d, err := profile.Decode(bytes.NewReader(editV1(t, func(old *v1.Document) {
		old.Workload.V1 = workload.V1{
			Command: []string{"x"}, Entrypoint: []string{"/bin/sh", "-c"}, Env: []string{"A=1"}, Volumes: []string{"/a:/b"}, WorkingDir: "/w",
			User: "1000", Network: "none", Sysctls: map[string]string{"net.a": "1"}, SecurityOpt: []string{"label:disable"},
			Devices: []string{"/dev/kvm"}, Tmpfs: []string{"/t"}, ReadOnly: true, CgroupNS: "host", CapAdd: []string{"KILL"}, CapDrop: []string{},
		}
	})))
	if err != nil {
		t.Fatal(err)
	}
	w := d.Workload
	if strings.Join(w.Command, " ") != "-c x" || w.Options.Value("entrypoint") != "/bin/sh" || w.Options.Sysctls()["net.a"] != "1" ||
		!w.Options.Bool("read-only") || w.Options.Bool("tty") || w.Options.Value("cgroupns") != "host" || len(w.Options.All()) != 13 || w.Image.Reference == "" {
		t.Errorf("%+v", w)
	}
}

func TestHostileVersion1IsRefused(t *testing.T) {
	with := func(change func(old *v1.Document)) string { return string(editV1(t, change)) }
	valid := with(func(*v1.Document) {})
	for name, c := range map[string]struct{ text, want string }{
		"half":               {valid[:len(valid)/2], "ends in the middle"},
		"unknown field":      {strings.Replace(valid, `"verdict"`, `"colour":1,"verdict"`, 1), "colour: unknown field"},
		"missing field":      {strings.Replace(valid, `"losses"`, `"loss"`, 1), "missing"},
		"field of version 2": {strings.Replace(valid, `"reasons"`, `"relaxations":[],"reasons"`, 1), "relaxations: unknown field"},
		"impossible device":  {with(func(old *v1.Document) { old.Workload.Devices = []string{"kvm"} }), `workload.options: --device "kvm": the path is not absol`},
		"unknown verdict":    {with(func(old *v1.Document) { old.Verdict = "sure" }), `verdict: "sure" is none of`},
		"unknown outcome":    {with(func(old *v1.Document) { old.Runs[0].Outcome = "fine" }), `unknown outcome "fine"`},
		"no proof":           {with(func(old *v1.Document) { old.Required[0].ProvenBy = 0 }), "no run proves CHOWN"},
		"proof that passed":  {with(func(old *v1.Document) { old.Runs[old.Required[0].ProvenBy-1].Outcome = "passed" }), "whose outcome is passed"},
		"proof not there":    {with(func(old *v1.Document) { old.Required[0].ProvenBy = 99 }), "which is not in runs"},
		"never passed": {with(func(old *v1.Document) {
			for i := range old.Runs {
				old.Runs[i].Outcome = "failed"
			}
		}), "no run passed with"},
		"unexplained":         {with(func(old *v1.Document) { old.Required = old.Required[1:] }), "requirements explain"},
		"portable, one more":  {with(func(old *v1.Document) { old.Portable.Capabilities = old.Portable.Capabilities.With(capability.Kill) }), "portable.requirements explain"},
		"option of no name":   {with(func(old *v1.Document) { old.Runs[0].Options = []string{"--"} }), "run 1: an option has no name"},
		"option of no value":  {with(func(old *v1.Document) { old.Runs[0].Options = []string{"--device"} }), "run 1: an option has no name or no value"},
		"opening of no value": {with(func(old *v1.Document) { old.Openings = []v1.Opening{{Option: "seccomp", Evidence: []v1.Failure{}}} }), "relaxations[0]: an option needs a name and a value"},
		"losses":              {with(func(old *v1.Document) { old.Losses.Checks = 1 }), "losses counts some"},
		"closed what it had": {with(func(old *v1.Document) {
			old.Runs[0].Options, old.Runs[0].Closed = []string{"--device /dev/kvm"}, "--device /dev/kvm"
		}), "said to be without --device /dev/kvm"},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := profile.Decode(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Decode = %+v, %v; want an error with %q", d, err, c.want)
			}
		})
	}
}
