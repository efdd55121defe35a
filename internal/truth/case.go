package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
)

// group says which part of the table a case stands in.
type group string

// The groups.
const (
	// operations do one thing that the kernel or the seccomp profile guards.
	operations group = "operation"
	// traps are where a naive tool is wrong.
	traps group = "trap"
	// programs are Debian packages as their maintainers ship them.
	programs group = "program"
	// causes fail for a reason that no capability fixes, or that something else
	// fixes better.
	causes group = "cause"
	// portables need something else where the engine keeps the kernel's defaults.
	portables group = "portable"
	// privileged run with --privileged, and need a part of what it opens.
	privileged group = "privileged"
	// dependent are programs that are not monotone, or pass in ways that differ.
	dependent group = "dependent"
	// services run until they are stopped.
	services group = "service"
	// givingUp are programs that go on where they are refused to give up privileges, which no exit code
	// tells: brute force runs them with a check of their own.
	givingUp group = "drop"
)

// plural names a group's cases.
func (g group) plural() string {
	if g == privileged || g == dependent {
		return string(g)
	}
	return string(g) + "s"
}

// imageName says what a case runs in.
type imageName int

// The images.
const (
	scratch  imageName = iota // ops, privop and their files
	checked                   // scratch with a health check that is refused something
	serving                   // scratch with a health check on whose success something waits
	entered                   // scratch, for the one case whose containers are entered
	awaiting                  // the same for another
	debian                    // the packages of the programs
	settled                   // scratch as its Dockerfile should have left it
	keeping                   // scratch with a volume
)

// testCase is one workload, and what must be known to judge an answer. There is no
// expected set: that is for brute force to find.
type testCase struct {
	group group
	name  string
	image imageName
	// flags are docker run's, which capprof run takes too.
	flags []string
	// command is what runs; script is the name of one of testengine/programs, which
	// runs instead where it is set.
	command []string
	script  string
	// judge is the command that brute force runs in the place of command: it does the
	// same, and fails where a process has kept what it meant to give up; for drops.
	judge []string
	// enters is executed in each of its containers, as docker exec does; the image is
	// that case's alone then.
	enters []string
	// naive is the answer that a tool would give which takes what it sees at face
	// value, and why; for traps.
	naive string
	// tries is how often a run may be repeated until it passes, for a program that
	// fails for reasons of its own; 0 is once.
	tries int
	// counts gives the runs a directory in common, /runs, in which the workload counts
	// them: it fails by chance in a run that is known beforehand, so that capprof has
	// to notice.
	counts bool
	// hostile are capabilities that the workload refuses to run with: the search
	// starts from everything else.
	hostile capability.Set
	// limit is the time after which a run counts as failed; 0 is defaultLimit.
	limit time.Duration
	// noSet says why the workload fails with everything that the engine grants, for
	// those of which that is known beforehand. Brute force shows it.
	noSet string
	// says are words that capprof must say of the cause and of the remedy, and
	// remedies are changes that follow what it says: for causes.
	says     []string
	remedies []remedy
	// unfixable is why there is no remedy to show here.
	unfixable string
	// strict are the flags that make the container as strict as other engines' are:
	// with them the portable set is compared too. noSetStrict is noSet there.
	strict      []string
	noSetStrict string
	// relaxations are docker run's options of which brute force grants some in addition to
	// capabilities, where capprof is given --privileged; nil for others.
	relaxations []string
	// among are the capabilities that can make a difference, for a program that is not
	// monotone: brute force runs all their combinations, and any minimal set is right.
	among capability.Set
	// serves is what is done with a service; nil for a workload that ends by itself.
	serves *serves
	// absent says why the case shows nothing on this machine, "" where it does; nil
	// for always.
	absent func() string
	// explained is why capprof's answer differs from brute force's, where it may.
	explained string
}

// remedy is a changed way to run a workload.
type remedy struct {
	name  string
	image imageName
	flags []string
	// command is nil for the case's own.
	command []string
	// set are the capabilities that it passes with, with no other.
	set capability.Set
}

// mostRuns is how many runs capprof may take for a cause: a few to see what is
// refused, and three for each capability of an answer.
func mostRuns(set capability.Set) int { return 6 + 3*set.Len() }

// defaultLimit is the time limit of a run, generous for a loaded machine.
const defaultLimit = 60 * time.Second

// serviceLimit is that of all boots of a service together.
const serviceLimit = 10 * time.Minute

func (k testCase) timeLimit() time.Duration {
	switch {
	case k.limit > 0:
		return k.limit
	case k.serves != nil:
		return serviceLimit
	}
	return defaultLimit
}

func (k testCase) title() string { return string(k.group) + "/" + k.name }

// cases are all, in the order of the table.
func cases() ([]testCase, error) {
	fromPackages, err := programCases()
	if err != nil {
		return nil, err
	}
	return slices.Concat(operationCases(), trapCases, causeCases, portableCases, privilegedCases, dependentCases, serviceCases(), dropCases, fromPackages), nil
}

// result is a row of the table.
type result struct {
	testCase testCase
	// truth are the minimal sets, the least dangerous first; none where no set
	// makes the workload pass.
	truth []capability.Set
	// complete is false when there may be more of them.
	complete bool
	// strict are those with the case's strict flags.
	strict []capability.Set
	// bruteForceRuns and exhaustiveRuns are what brute force used, and what removing one
	// at a time takes for one set.
	bruteForceRuns, exhaustiveRuns int
	// needed says of each member of the first of the minimal sets in which phase of a
	// service's run its want shows first.
	needed map[capability.Cap]scenario.Phase
	// absent is why the case was left out here.
	absent string
	// withAll is the last that the workload wrote when it failed with everything.
	withAll string
	answer  answer
	verdict verdict
	// err is why there is no verdict.
	err error
}

// answer is capprof's.
type answer struct {
	// none is true when capprof says that no set makes the workload pass.
	none bool
	// set holds the relaxations that the case names as candidates too, and relaxations
	// are all that the answer has.
	set         capability.Set
	relaxations []string
	// portable is the set for other engines, unportable true where there is none.
	portable   capability.Set
	unportable bool
	verdict    string
	reasons    []string
	runs       int
	// lost are those for want of which something was left out in silence, though the
	// workload passed.
	lost capability.Set
	// said is all that it says of causes and remedies.
	said string
	// byRemoval are those of the set that the trace did not explain.
	byRemoval capability.Set
	// contradictory says that of two runs with the same set one passed and one
	// failed: then no set was proven.
	contradictory bool
	// scenario is what a run of a service was, and asks are the phases that asked for
	// each capability.
	scenario *profile.Scenario
	asks     map[capability.Cap][]scenario.Phase
}

// verdict compares the two.
type verdict struct {
	exact          bool
	missing, extra capability.Set
	// riskier is set when the answer is minimal, but another is less dangerous, and
	// larger when another has fewer members.
	riskier, larger bool
	// note says what no set can say.
	note string
}

// compare judges an answer by the minimal sets. The least dangerous one is right,
// and where the program is not monotone, any.
func (k testCase) compare(truth []capability.Set, a answer) verdict {
	if a.contradictory && a.verdict == string(profile.Proven) {
		return verdict{note: "says proven though its own runs contradict each other"}
	}
	switch {
	case len(truth) == 0 && a.none:
		return verdict{exact: true}
	case len(truth) == 0:
		return verdict{extra: a.set, note: "no set makes it pass"}
	case a.none:
		return verdict{missing: truth[0], note: "found none"}
	}
	if i := slices.Index(truth, a.set); i >= 0 {
		v := verdict{exact: i == 0 || !k.among.Empty(), riskier: i > 0}
		v.larger = slices.ContainsFunc(truth, func(other capability.Set) bool { return other.Len() < a.set.Len() })
		return v
	}
	// The nearest minimal set tells best what is wrong.
	nearest := slices.MinFunc(truth, func(x, y capability.Set) int { return distance(x, a.set) - distance(y, a.set) })
	return verdict{missing: nearest.Minus(a.set), extra: a.set.Minus(nearest)}
}

// portable completes the verdict on a case that is compared with strict flags too.
func (v *verdict) portable(k testCase, strict []capability.Set, a answer) {
	there := k.compare(strict, answer{none: a.unportable, set: a.portable})
	if !there.exact {
		v.exact = false
		v.note = fmt.Sprintf("portable: %s, and not %s", k.setsText(strict, true), answer{none: a.unportable, set: a.portable, verdict: a.verdict}.text(k))
	}
}

// finds completes the verdict on a cause: what capprof must have said, and in how
// many runs.
func (v *verdict) finds(k testCase, a answer) {
	for _, words := range k.says {
		if !strings.Contains(a.said, words) {
			v.exact, v.note = false, fmt.Sprintf("does not say %q", words)
			return
		}
	}
	if k.group == causes && a.runs > mostRuns(a.set) {
		v.exact, v.note = false, fmt.Sprintf("%d runs, and %d should do", a.runs, mostRuns(a.set))
	}
}

// notices judges the answer for a workload that fails by chance: that it is not
// stable, and no set proven.
func notices(a answer) verdict {
	if a.contradictory && a.verdict == string(profile.Incomplete) {
		return verdict{exact: true}
	}
	return verdict{note: "does not notice that the workload fails by chance"}
}

// distance counts the capabilities that are in one of the sets alone.
func distance(x, y capability.Set) int { return x.Minus(y).Len() + y.Minus(x).Len() }
