package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/kernels/plan"
	"github.com/capprof/capprof/internal/profile"
)

// setsSysctls says that an engine sets the sysctls of the network so that low ports and ping
// need no capability.
func setsSysctls(e plan.Engine) bool { return e.Kind == "docker" }

// judge compares an answer with what is expected of the workload and returns the differences.
func (s setup) judge(w workload, a plan.Answer) (*profile.Document, []string) {
	outOfReach := s.engine.Rootless && w.initial
	switch {
	case a.Problem != "":
		return nil, []string{a.Problem}
	case a.Case == refusedCase:
		return nil, s.judgeRefusal(a)
	case a.Exit != 0 && !outOfReach && w.refuser == "":
		return nil, []string{fmt.Sprintf("exit code %d: %s", a.Exit, a.Said)}
	}
	d, err := profile.Decode(bytes.NewReader(a.Profile))
	if err != nil {
		return nil, []string{"the profile: " + err.Error()}
	}
	if outOfReach {
		return d, judgeOutOfReach(a, d)
	}
	if w.refuser != "" {
		return d, s.judgeRefuser(w, a, d)
	}
	here, there := w.needs, w.elsewhere
	if there.Empty() {
		there = here
	}
	if !setsSysctls(s.engine) {
		here = there
	}
	differences := s.judgeAnswer("", d.Answer, here)
	switch {
	case d.Portable != nil:
		differences = append(differences, s.judgeAnswer("the portable set: ", d.Portable.Answer, there)...)
	case here != there:
		differences = append(differences, "it has no portable set")
	}
	if got := d.Environment.Hook; got != s.hook.recorded {
		differences = append(differences, fmt.Sprintf("hook %q, want %q", got, s.hook.recorded))
	}
	if d.Environment.Traced != (s.refused == nil) {
		differences = append(differences, fmt.Sprintf("traced: %t", d.Environment.Traced))
	}
	if got := d.Environment.Engine; !strings.EqualFold(got, s.engine.Kind) {
		differences = append(differences, fmt.Sprintf("engine %q, want %q", got, s.engine.Kind))
	}
	return d, differences
}

func (s setup) judgeAnswer(what string, a profile.Answer, want capability.Set) []string {
	var differences []string
	differ := func(format string, args ...any) {
		differences = append(differences, what+fmt.Sprintf(format, args...))
	}
	if a.Verdict != profile.Proven {
		differ("%s: %s", a.Verdict, strings.Join(a.Reasons, "; "))
	}
	if got := a.Capabilities.Required; got != want {
		differ("%s, want %s", got, want)
	}
	for _, r := range a.Requirements {
		if r.ProvenBy == 0 {
			differ("%s is not proven by a run", r.Grant)
		}
		if s.refused != nil {
			continue // by removal, as it must be
		}
		if r.FoundBy != profile.FoundByTrace || len(r.Denials) == 0 {
			differ("%s is found by %s, with %d explanations", r.Grant, r.FoundBy, len(r.Denials))
		}
		for _, d := range r.Denials {
			if d.Mechanism == "" || d.Syscall == "" {
				differ("%s: no mechanism or no call in %+v", r.Grant, d)
			}
		}
	}
	return differences
}

// exitFailed is capprof's exit code when no allowed set makes the workload pass.
const exitFailed = 4

// judgeOutOfReach is for what no set lets pass in a user namespace: it must be said.
func judgeOutOfReach(a plan.Answer, d *profile.Document) []string {
	var differences []string
	if a.Exit != exitFailed || d.Verdict != profile.Failed {
		differences = append(differences, fmt.Sprintf("exit code %d, %s, want %d, %s", a.Exit, d.Verdict, exitFailed, profile.Failed))
	}
	if !strings.Contains(string(a.Profile)+a.Said, "user namespace") {
		differences = append(differences, "it does not say that a user namespace is the reason: "+a.Said)
	}
	return differences
}

// profilesOf begin the names of the AppArmor profiles that engines put containers under.
var profilesOf = map[string]string{"docker": "docker-default", "podman": "containers-default-"}

// judgeRefuser is for what a security module refuses: the failure must name the module and
// its profile, and be no guess.
func (s setup) judgeRefuser(w workload, a plan.Answer, d *profile.Document) []string {
	var differences []string
	if a.Exit != exitFailed || d.Verdict != profile.Failed {
		differences = append(differences, fmt.Sprintf("exit code %d, %s, want %d, %s", a.Exit, d.Verdict, exitFailed, profile.Failed))
	}
	under := profilesOf[s.engine.Kind]
	refused := slices.ContainsFunc(d.Failures, func(f profile.Failure) bool {
		return f.Refuser != nil && f.Refuser.Module == w.refuser && strings.HasPrefix(f.Refuser.Label, under) && f.Refuser.ShownBy != ""
	})
	if !refused {
		differences = append(differences, fmt.Sprintf("it does not say that %s refuses by %s: %s", w.refuser, under, a.Said))
	}
	return differences
}

// exitUnfit is capprof's exit code for wrong usage and for what the machine lacks.
const exitUnfit = 125

func (s setup) judgeRefusal(a plan.Answer) []string {
	var differences []string
	if a.Exit != exitUnfit {
		differences = append(differences, fmt.Sprintf("exit code %d, want %d: %s", a.Exit, exitUnfit, a.Said))
	}
	for _, word := range s.refused {
		if !strings.Contains(a.Said, word) {
			differences = append(differences, fmt.Sprintf("the refusal does not name %s: %s", word, a.Said))
		}
	}
	if len(a.Profile) > 0 {
		differences = append(differences, "a profile was written")
	}
	return differences
}

// alike returns how two profiles of one case differ that were made on the same machine and
// engine by different hooks: not at all, but for the hook's name and what runs never have in
// common, their times.
func alike(a, b *profile.Document) (string, error) {
	var texts [2][]byte
	for i, d := range []*profile.Document{a, b} {
		document := *d
		document.Meta, document.Environment.Hook = profile.Meta{}, ""
		var out bytes.Buffer
		if err := profile.Encode(&out, &document); err != nil {
			return "", err
		}
		texts[i] = out.Bytes()
	}
	one, other := strings.Split(string(texts[0]), "\n"), strings.Split(string(texts[1]), "\n")
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			return fmt.Sprintf("line %d: %q and %q", i+1, strings.TrimSpace(one[i]), strings.TrimSpace(other[i])), nil
		}
	}
	if len(one) != len(other) {
		return fmt.Sprintf("%d lines and %d", len(one), len(other)), nil
	}
	return "", nil
}
