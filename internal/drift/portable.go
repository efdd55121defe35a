package drift

import (
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// portable is the set that a profile gives where the engine keeps the kernel's
// defaults. One that depends on none of them gives the same set everywhere.
func portable(d *profile.Document) (capability.Set, bool) {
	if d.Portable == nil {
		return d.Capabilities.Required, true
	}
	return d.Portable.Capabilities, d.Portable.Verdict.Answers()
}

func unknown(d *profile.Document) bool {
	return d.Portable != nil && d.Portable.Verdict == profile.Incomplete
}

// unfitElsewhere: what one side alone does not know cannot be compared. Where neither
// does, the required sets are all that there is.
func unfitElsewhere(old, new *profile.Document) []string {
	d, which := new, "new"
	if unknown(old) {
		d, which = old, "old"
	}
	if unknown(old) == unknown(new) || len(unfit(which, d)) > 0 {
		return nil
	}
	return []string{text.Printable(fmt.Sprintf("the %s profile does not know what is needed %s (%s)", which, sentence.Where(d.Portable), strings.Join(d.Portable.Reasons, "; ")))}
}

// elsewhere adds what changed in the portable sets alone.
func (r *Result) elsewhere(old, new *profile.Document) {
	if unknown(old) {
		return
	}
	before, had := portable(old)
	now, has := portable(new)
	switch {
	case had && has:
		r.Added = append(r.Added, changesElsewhere(new, old, now.Minus(before).Minus(capabilities(r.Added)))...)
		r.Removed = append(r.Removed, changesElsewhere(old, new, before.Minus(now).Minus(capabilities(r.Removed)))...)
	case had:
		r.Lost = text.Printable(fmt.Sprintf("no set makes it pass any more %s: %s", sentence.Where(new.Portable), strings.Join(new.Portable.Reasons, "; ")))
	case has:
		// As after any failure that is mended, there is nothing to compare with; that
		// it passes shows among what is also different.
	}
}

// changesElsewhere explains capabilities that the portable set of one profile alone
// has.
func changesElsewhere(has, lacks *profile.Document, set capability.Set) []Change {
	where := ""
	for _, d := range []*profile.Document{lacks, has} {
		if d.Portable != nil {
			where = sentence.Where(d.Portable)
		}
	}
	all := changes(has, set)
	for i, change := range all {
		all[i].Where = where
		if r, ok := has.Portable.Requirement(change.Capability); ok {
			all[i].Why = sentence.Why(has, r)
		}
		all[i].Why = where + ": " + all[i].Why
	}
	return all
}

func capabilities(changes []Change) capability.Set {
	var set capability.Set
	for _, change := range changes {
		set = set.With(change.Capability)
	}
	return set
}

// portableWords names the portable answer in few words.
func portableWords(d *profile.Document) string {
	if d.Portable == nil {
		return ""
	}
	words := string(d.Portable.Verdict)
	if d.Portable.Verdict.Answers() {
		words += " " + d.Portable.Capabilities.String()
	}
	return words + " " + sentence.Where(d.Portable)
}
