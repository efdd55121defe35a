package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
)

// listed bounds the evidence of one capability in text; JSON holds all of it.
const listed = 10

// whole writes everything on one capability, what a profile says of it first.
func whole(p *text.Page, c Capability, from *Profile) {
	p.Title(fmt.Sprintf("%s (%s, mask %s): lets a container %s", c.Name, number(c), c.Mask, c.Summary))
	if c.Workload != nil {
		p.Heading("In the profile of " + from.Image + " (" + string(from.Verdict) + ")")
		inProfile(p, c.Workload)
	}
	if len(c.Allows) > 0 {
		p.Heading("Allows")
		p.Items(c.Allows...)
	}
	p.Heading("Danger: " + danger(c))
	p.Paragraph(c.Danger.Reason)
	if c.Known {
		p.Items(fmt.Sprintf("%s: %s; number %d of %d from the least to the most dangerous", c.Danger.Level, c.Danger.Level.meaning(), c.Danger.Rank, c.Danger.Of))
		p.Items(string(c.Danger.Scope) + ": " + c.Danger.Scope.meaning())
		p.Items("in a user namespace (userns-remap, rootless, hostUsers: false): " + inUserNamespace(c.UserNamespace))
	}
	if len(c.Syscalls) > 0 {
		p.Items("granting it also allows, in Docker's default seccomp profile: " + strings.Join(c.Syscalls, ", "))
	}
	p.Heading("Granted by default")
	grantRows(p, c)
	if len(c.Safer) > 0 {
		p.Heading("Safer ways")
		p.Items(c.Safer...)
	}
	if len(c.See) > 0 {
		p.Heading("See")
		p.Paragraph("capabilities(7), " + strings.Join(c.See, ", "))
	}
}

// danger is the level and the scope in a word or two.
func danger(c Capability) string {
	if !c.Known {
		return string(Unrated)
	}
	return string(c.Danger.Level) + ", " + string(c.Danger.Scope)
}

func number(c Capability) string {
	if c.Since == "" {
		return fmt.Sprintf("number %d", c.Value)
	}
	return fmt.Sprintf("number %d, since Linux %s", c.Value, c.Since)
}

func inUserNamespace(u UserNamespace) string {
	switch u.Effect {
	case Works:
		return "works " + u.Note
	case Partly:
		return "works in part: " + u.Note
	default:
		return "does nothing: " + u.Note
	}
}

func grantRows(p *text.Page, c Capability) {
	const width = len("restricted")
	p.Row("by", width, whoGrants(c.GrantedBy, true))
	if slices.ContainsFunc(c.GrantedBy, func(g Grant) bool { return g.Granted }) && slices.ContainsFunc(c.GrantedBy, func(g Grant) bool { return !g.Granted }) {
		p.Row("not by", width, whoGrants(c.GrantedBy, false))
	}
	p.Heading("In Kubernetes, by level of the Pod Security Standards")
	for _, level := range c.PodSecurity {
		p.Row(level.Level, width, level.Rule)
	}
}

// labels is the width of the column of labels in what a profile says.
const labels = len("granted")

// inProfile writes what a profile says of one capability.
func inProfile(p *text.Page, w *Workload) {
	p.Row("status", labels, string(w.Status)+": "+w.Meaning)
	if w.When != "" {
		p.Row("when", labels, w.When)
	}
	var why []string
	for _, e := range w.Evidence[:min(len(w.Evidence), listed)] {
		why = append(why, line(e))
	}
	if more := len(w.Evidence) - listed; more > 0 {
		why = append(why, fmt.Sprintf("and %d more (--format json)", more))
	}
	rows(p, "why", "and", why)
	if w.Proof != "" {
		p.Row("proof", labels, w.Proof)
	}
	if len(w.Alternatives) > 0 {
		p.Row("instead", labels, strings.Join(names(w.Alternatives), " or ")+" would meet the need too")
	}
	rows(p, "better", "and", w.Better)
	rows(p, "note", "and", w.Notes)
}

// rows writes texts, the first under one label and the others under another.
func rows(p *text.Page, label, next string, texts []string) {
	for _, text := range texts {
		p.Row(label, labels, text)
		label = next
	}
}

// line is a piece of evidence on one line.
func line(e Evidence) string {
	text := e.Operation
	if e.Because != "" {
		text += " (" + e.Because + ")"
	}
	if e.When != "" {
		text += " " + e.When
	}
	if e.Count > 1 {
		text += fmt.Sprintf(", %d times", e.Count)
	}
	return text
}

// ofMask writes a table of the members.
func ofMask(p *text.Page, e Explanation) {
	p.Title(fmt.Sprintf("mask %s: %s", e.Mask.Mask, capability.Counted(len(e.Capabilities))))
	const unrated = string(Unrated)
	unknown, width := e.Mask.Unknown, 0
	if !unknown.Empty() {
		width = len(unrated)
	}
	missing := capability.Known()
	for _, c := range e.Capabilities {
		width, missing = max(width, len(c.Number.Short())), missing.Without(c.Number)
	}
	for _, c := range e.Capabilities {
		if c.Known {
			p.Row(c.Number.Short(), width, danger(c)+": "+c.Summary)
		}
	}
	if !unknown.Empty() {
		p.Row(unrated, width, strings.Join(unknown.Names(), ", ")+": not in capprof's table; treat as the most dangerous")
	}
	p.Heading("Compared")
	if missing.Empty() {
		p.Items("everything that capprof's table holds: what --privileged and --cap-add ALL give")
	}
	if len(e.Mask.Equals) > 0 {
		p.Items("the default set of " + strings.Join(e.Mask.Equals, ", "))
	}
	if beyond := e.Mask.Beyond.Minus(unknown); !beyond.Empty() {
		p.Items("beyond Docker's default set: " + beyond.String())
	}
	if !e.Mask.Lacks.Empty() {
		p.Items("lacks of Docker's default set: " + e.Mask.Lacks.String())
	}
	if len(e.Capabilities) > 0 {
		p.Heading("Details: capprof explain NAME, such as: capprof explain " + worst(e.Capabilities).Short())
	}
}

// worst is the most dangerous one of those that there is more to say about.
func worst(all []Capability) capability.Cap {
	var set capability.Set
	for _, c := range all {
		set = set.With(c.Number)
	}
	if known := set.Intersect(capability.Known()); !known.Empty() {
		set = known
	}
	byDanger := set.ByDanger()
	return byDanger[len(byDanger)-1]
}

// ofProfile writes a block for each capability that the profile mentions.
func ofProfile(p *text.Page, e Explanation) {
	summary := fmt.Sprintf("%s: %s requires %s", e.Profile.Verdict, e.Profile.Image, capability.Counted(e.Profile.Required.Len()))
	switch e.Profile.Verdict {
	case profile.Failed:
		summary = fmt.Sprintf("%s: no allowed set of capabilities makes %s pass", e.Profile.Verdict, e.Profile.Image)
	case profile.Incomplete:
		summary += " as far as is known"
	}
	if n := len(e.Profile.Relaxations); n > 0 {
		summary += fmt.Sprintf(", and %d of the options that replace --privileged", n)
	}
	p.Title(summary)
	for _, words := range slices.Concat(e.Profile.Reasons, e.Profile.About) {
		p.Paragraph(words)
	}
	for _, c := range e.Capabilities {
		p.Heading(c.Number.Short() + ": lets a container " + c.Summary)
		inProfile(p, c.Workload)
		// What the workload does without is named, not argued.
		if s := c.Workload.Status; s != Required && s != Portable && s != Blocked {
			p.Row("danger", labels, danger(c))
			continue
		}
		p.Row("danger", labels, danger(c)+". "+c.Danger.Reason)
		p.Row("granted", labels, "by default: "+whoGrants(c.GrantedBy, true))
		rows(p, "safer", "or", c.Safer)
	}
	for _, r := range e.Profile.Relaxations {
		p.Heading("--" + r.Option + " " + r.Value)
		p.Row("why", labels, r.Why)
		p.Row("danger", labels, r.Danger)
	}
	if !e.Profile.Dropped.Empty() {
		p.Heading("Granted today and not required")
		p.Paragraph(e.Profile.Dropped.String())
	}
	if len(e.Capabilities) > 0 {
		p.Heading("Details: capprof explain PROFILE NAME")
	}
}
