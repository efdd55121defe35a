package profile

import (
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/workload"
)

// conditions are what a container has that an answer is followed in: the answer's
// grants, and for the portable answer its sysctls.
type conditions struct {
	grants  grant.Set
	sysctls []workload.Setting
	// own are the grants of the document's own answer, for the portable one.
	own grant.Set
}

func (d *Document) under() conditions { return conditions{grants: d.Grants()} }

// underPortable are the conditions of the portable answer.
func (d *Document) underPortable() conditions {
	return conditions{grants: d.Portable.Grants(), sysctls: Sysctls(d.Portable.Sysctls), own: d.Grants()}
}

func (c conditions) all() grant.Set {
	return grant.Of(c.grants.Capabilities, slices.Concat(c.grants.Options(), c.sysctls)...)
}

// proofRule is what a run must have had to prove that a grant is needed.
type proofRule int

const (
	// exactly the rest of the answer, under its sysctls. Programs are not monotone:
	// what succeeds may be what makes the next grant needed, so a run that had more
	// proves nothing.
	exactly proofRule = iota
	// version1 took at least the rest of the answer. For the portable answer it took
	// runs of the document's own, too.
	version1
)

// rule is what Validate holds every answer to.
const rule = exactly

// proves reports why a run does not prove that an answer needs a grant; nil when it
// does.
func (r proofRule) proves(run Run, under conditions, g grant.Grant) error {
	had := run.Grants()
	rest, more := under.all().Without(g), had.Minus(under.all())
	if r == version1 {
		rest = under.grants.Without(g)
		if len(under.sysctls) > 0 && sysctlsOf(had).Empty() {
			rest = rest.Minus(rest.Minus(under.own))
		}
		// Runs of the portable answer prove nothing of the document's own.
		more = sysctlsOf(more)
	}
	switch {
	case had.Has(g):
		return fmt.Errorf("run %d, which had it", run.Number)
	case !had.Contains(rest):
		return fmt.Errorf("run %d, which lacked %s too", run.Number, rest.Minus(had))
	case !more.Empty():
		return fmt.Errorf("run %d, which had %s more than the answer", run.Number, more)
	case !run.Outcome.fell():
		return fmt.Errorf("run %d, whose outcome is %s", run.Number, run.Outcome)
	}
	return nil
}

// sysctlsOf are the sysctls among grants.
func sysctlsOf(s grant.Set) grant.Set {
	return grant.Of(0, slices.DeleteFunc(slices.Clone(s.Options()), func(o workload.Setting) bool { return o.Name != sysctlOption })...)
}
