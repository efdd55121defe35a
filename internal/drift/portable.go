package drift

import (
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// portable is what a profile gives where the engine keeps the kernel's defaults. One
// that depends on none of them gives the same everywhere.
func portable(d *profile.Document) (*profile.Answer, bool) {
	if d.Portable == nil {
		return &d.Answer, true
	}
	return &d.Portable.Answer, d.Portable.Verdict.Answers()
}

func unknown(d *profile.Document) bool {
	return d.Portable != nil && d.Portable.Verdict == profile.Incomplete
}

// unfitPortable: what one side alone does not know cannot be compared. Where neither
// does, the main answers are all that there is.
func unfitPortable(old, new *profile.Document) []string {
	d, which := new, "new"
	if unknown(old) {
		d, which = old, "old"
	}
	if unknown(old) == unknown(new) || len(unfit(which, d)) > 0 {
		return nil
	}
	return []string{text.Printable(fmt.Sprintf("the %s profile does not know what is needed %s (%s)", which, sentence.Where(d.Portable), strings.Join(d.Portable.Reasons, "; ")))}
}

// portable adds what changed in the portable answers alone.
func (r *Result) portable(old, new *profile.Document) {
	if unknown(old) {
		return
	}
	before, had := portable(old)
	now, has := portable(new)
	switch {
	case had && has:
		added, removed := grants(r.Added), grants(r.Removed)
		r.Added = append(r.Added, changesPortable(new, old, now.Grants().Minus(before.Grants()).Minus(added))...)
		r.Removed = append(r.Removed, changesPortable(old, new, before.Grants().Minus(now.Grants()).Minus(removed))...)
	case had:
		r.NotPortable = text.Printable(fmt.Sprintf("it no longer passes %s, with any allowed capabilities: %s", sentence.Where(new.Portable), strings.Join(new.Portable.Reasons, "; ")))
	case has:
		// As after any failure that is fixed, there is nothing to compare with; that
		// it passes shows among what is also different.
	}
}

// changesPortable explains grants that the portable answer of one profile alone has.
func changesPortable(has, lacks *profile.Document, only grant.Set) []Change {
	where := ""
	for _, d := range []*profile.Document{lacks, has} {
		if d.Portable != nil {
			where = sentence.Where(d.Portable)
		}
	}
	answer, _ := portable(has)
	all := changes(has, answer, only)
	for i := range all {
		all[i].Portable, all[i].Why = true, where+": "+all[i].Why
	}
	return all
}

func grants(changes []Change) grant.Set {
	var set grant.Set
	for _, change := range changes {
		set = set.With(change.Grant)
	}
	return set
}

// portableWords names the portable answer in few words, and its sysctls.
func portableWords(d *profile.Document) (answer, sysctls string) {
	if d.Portable == nil {
		return "", ""
	}
	answer = string(d.Portable.Verdict)
	if d.Portable.Verdict.Answers() {
		answer += " " + d.Portable.Capabilities.Required.String()
	}
	return answer, sentence.Settings(d.Portable.Sysctls)
}
