package profile

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
)

// Remedies are those of each denial.
func Remedies(denials []Denial) [][]remedy.Remedy {
	all := make([][]remedy.Remedy, len(denials))
	for i, d := range denials {
		all[i] = d.Remedies
	}
	return all
}

// Requirement returns the explanation of a required capability.
func (d *Document) Requirement(c capability.Cap) (Requirement, bool) {
	return requirement(d.Required, c)
}

// Requirement returns the explanation of a capability that the portable set has and
// the document's own lacks; false for a nil Portable.
func (p *Portable) Requirement(c capability.Cap) (Requirement, bool) {
	if p == nil {
		return Requirement{}, false
	}
	return requirement(p.Required, c)
}

func requirement(all []Requirement, c capability.Cap) (Requirement, bool) {
	for _, r := range all {
		if r.Capability == c {
			return r, true
		}
	}
	return Requirement{}, false
}
