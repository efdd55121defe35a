package mapper

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/seccomp"
)

// FuzzLoop runs the loop of mapping, choosing and granting on generated
// operations of the model: it ends, stays within the clauses, and its set gives
// the operation its effect whenever the allowed capabilities can.
func FuzzLoop(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed, uint64(seed*0x9e3779b97f4a7c15))
	}
	var places []string
	for name := range sites {
		places = append(places, name)
	}
	slices.Sort(places)
	f.Fuzz(func(t *testing.T, seed, mask uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		allowed := (^capability.Set(0)).Minus(capability.Set(mask))
		m := generated(r, places, append(capability.Known().Slice(), 41, 63))
		held, whole := solve(t, m, allowed)
		if !allowed.Contains(held) {
			t.Errorf("%+v: got %v, where only %v is allowed", m, held, allowed)
		}
		if _, can := m.run(allowed); whole != can {
			t.Errorf("%+v: whole effect %v under %v; it can be had: %v", m, whole, held, can)
		}
		for c := range held.All() {
			if _, still := m.run(held.Without(c)); whole && still {
				t.Errorf("%+v: %v of %v is needless", m, c, held)
			}
		}
	})
}

// FuzzCheapest holds the loop against exhaustive search: over observations of
// several operations that ask for up to 12 capabilities, some without a name, in
// stages and with alternatives, the loop ends with the cheapest of all sets that
// give each operation its effect, never grants what no clause holds, and says of
// what cannot be had that it cannot.
func FuzzCheapest(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, uint16(seed*0x9e37))
	}
	var places []string
	for name := range sites {
		places = append(places, name)
	}
	slices.Sort(places)
	f.Fuzz(func(t *testing.T, seed uint64, withheld uint16) {
		r := rand.New(rand.NewPCG(seed, 2))
		pool := append(capability.Known().Slice(), 41, 63)
		r.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		pool = pool[:2+r.IntN(11)]
		var allowed capability.Set
		for i, c := range pool {
			if withheld>>i&1 == 0 || r.IntN(2) == 0 {
				allowed = allowed.With(c)
			}
		}
		var work workload
		for range 1 + r.IntN(5) {
			work = append(work, generated(r, places, pool))
		}
		held, whole := work.solve(t, allowed)
		best, can := work.cheapest(allowed)
		if whole != can || whole && held != best {
			t.Errorf("%+v\nunder %v: got %v, whole effect %v; the cheapest is %v, to be had %v", work, allowed, held, whole, best, can)
		}
	})
}

// workload does several operations, whatever becomes of the ones before.
type workload []modelled

func (w workload) run(held capability.Set) (o observation.Observation, whole bool) {
	whole = true
	for _, m := range w {
		op, effect := m.run(held)
		o.Operations = append(o.Operations, op)
		whole = whole && effect
	}
	return o, whole
}

// solve is what the runner does: it chooses from the clauses of all rounds.
func (w workload) solve(t testing.TB, allowed capability.Set) (held capability.Set, whole bool) {
	t.Helper()
	var seen []Denial
	for range 64 {
		o, whole := w.run(held)
		result := Map(o, onDocker(Environment{Granted: held}))
		for _, d := range result.Denials {
			asked := capability.Set(0)
			for _, c := range d.Operation.Checks {
				if !c.Granted {
					asked = asked.With(c.Capability)
				}
			}
			if !asked.Contains(capability.Of(d.AnyOf...)) {
				t.Errorf("%v was never refused, of %v", d.AnyOf, asked)
			}
		}
		seen = append(seen, result.Denials...)
		clauses := Clauses(seen)
		choice := Choose(clauses, allowed, 0)
		checkChoice(t, choice, clauses, allowed, 0)
		if whole || choice.Set == held {
			return held, whole
		}
		held = choice.Set
	}
	t.Errorf("no end in sight at %v of %+v", held, w)
	return held, false
}

// cheapest tries all subsets of what is allowed.
func (w workload) cheapest(allowed capability.Set) (best capability.Set, can bool) {
	caps := allowed.Slice()
	for bits := range 1 << len(caps) {
		var set capability.Set
		for i, c := range caps {
			if bits>>i&1 != 0 {
				set = set.With(c)
			}
		}
		if _, whole := w.run(set); whole && (!can || better(set, best)) {
			best, can = set, true
		}
	}
	return best, can
}

// generated makes an operation whose questions come from distinct places, as
// the kernel's mostly do, with the errors that the places have.
func generated(r *rand.Rand, places []string, pool []capability.Cap) modelled {
	m := modelled{ID: "generated", Call: []string{"ioctl", "openat", "setsockopt", "fcntl"}[r.IntN(4)]}
	used := map[string]bool{}
	for range 1 + r.IntN(4) {
		name := places[r.IntN(len(places))]
		if r.IntN(4) == 0 {
			name = "unknown_" + name
		}
		q := question{}
		first := pool[r.IntN(len(pool))]
		for range 1 + r.IntN(3) {
			q.Ask = append(q.Ask, ask{Stack: []string{"ns_capable", name, "outer_function"}, Cap: first})
			first = pool[r.IntN(len(pool))]
		}
		p := placeOf(observation.Check{Capability: q.Ask[0].Cap, Stack: q.Ask[0].Stack}, m.Call)
		for _, a := range q.Ask {
			// All alternatives must be the same place's to be one question.
			if placeOf(observation.Check{Capability: a.Cap, Stack: a.Stack}, m.Call).entry != p.entry {
				q.Ask = q.Ask[:1]
				break
			}
		}
		key := chainKey(p, q.Ask[0].Cap, m.Call)
		if used[key] {
			continue
		}
		used[key] = true
		switch {
		case p.entry != nil && p.entry.passes > Noise && len(p.entry.fails) == 0:
			q.Then = "lost"
		case p.entry != nil && len(p.entry.fails) == 0 && p.entry.fails != nil:
		case p.entry != nil && len(p.entry.fails) > 0:
			q.Then = errnoName(p.entry.fails[r.IntN(len(p.entry.fails))])
		case p.entry == nil && !slices.ContainsFunc(q.Ask, func(a ask) bool { return a.Cap != capability.FSetID }):
			q.Then = "lost"
		default:
			q.Then = []string{"EPERM", "EACCES"}[r.IntN(2)]
		}
		m.Questions = append(m.Questions, q)
	}
	return m
}

func errnoName(e syscall.Errno) string {
	for _, name := range []string{"EPERM", "EACCES", "ENOMEM", "EAGAIN", "ENOENT", "ENODATA", "ENOSPC", "EDQUOT", "ENFILE", "EINVAL", "EMFILE", "ENOBUFS", "ETOOMANYREFS"} {
		if errnoNamed(name) == e {
			return name
		}
	}
	return "EPERM"
}

// FuzzMap feeds arbitrary operations: every permission error is explained, and
// nothing is proposed that was not asked for or gated.
func FuzzMap(f *testing.F) {
	f.Add("execve", uint8(1), true, uint64(0x3000), uint64(0), uint64(0), uint32(0), []byte{21, 0, 0, 1, 21, 1, 2, 3})
	f.Add("openat", uint8(13), true, uint64(0), uint64(1), uint64(0), uint32(1000), []byte{2, 0, 0, 4, 1, 0, 0, 4})
	f.Add("clone3", uint8(38), false, uint64(0), uint64(0), uint64(7), uint32(0), []byte{})
	f.Add("rt_sigreturn", uint8(1), true, uint64(0), uint64(0), uint64(0), uint32(0), []byte{})
	f.Add("bpf", uint8(1), false, uint64(0), uint64(0), uint64(47), uint32(0), []byte{})
	f.Add("sendmsg", uint8(0), true, uint64(0), uint64(0), uint64(2), uint32(0), []byte{12, 0, 0, 6})
	frames := []string{"ns_capable", "cap_vm_enough_memory", "generic_permission", "inode_owner_or_capable", "rtnetlink_rcv_msg", "netlink_rcv_skb", "unknown.part.0", "in_group_or_capable", "io_issue_sqe", ""}
	profile := seccomp.Default("")
	f.Fuzz(func(t *testing.T, call string, errno uint8, entered bool, object, permitted, arg uint64, uid uint32, checks []byte) {
		op := observation.Operation{
			Syscall: call, Errno: syscall.Errno(errno), Entered: entered, Returned: true, UID: uid, Arch: "amd64",
			Permitted: capability.Set(permitted), Effective: capability.Set(permitted), Bounding: capability.Set(permitted),
			Args: [6]uint64{arg, arg >> 8, arg >> 16}, Object: observation.Object{
				Capabilities: capability.Set(object), Inheritable: capability.Set(object >> 1), Path: call,
				CloneFlags: object, ChosenIDs: int(arg & 1),
			},
		}
		for ; len(checks) >= 4; checks = checks[4:] {
			c := observation.Check{Capability: capability.Cap(checks[0] & 63), Granted: checks[1]&1 != 0, Overridden: checks[1]&2 != 0, Namespace: observation.Namespace(checks[2] % 3)}
			for b := checks[3]; b > 0 && len(c.Stack) < 3; b /= 3 {
				c.Stack = append(c.Stack, frames[int(b)%len(frames)])
			}
			op.Checks = append(op.Checks, c)
		}
		for _, env := range []Environment{{}, {Seccomp: profile, Granted: capability.Set(permitted)}, {Granted: capability.Known()}} {
			o := observation.Observation{Operations: []observation.Operation{op}}
			r := Map(o, onDocker(env))
			if endsSignal(op) {
				if len(r.Denials)+len(r.Failures) > 0 {
					t.Errorf("%+v", r)
				}
				continue
			}
			checkResult(t, r, op)
			clauses := Clauses(r.Denials)
			for _, c := range clauses {
				if !c.AnyOf.Intersect(env.Granted).Empty() {
					t.Errorf("%v was granted already: %+v", c.AnyOf.Intersect(env.Granted), c)
				}
			}
			checkChoice(t, Choose(clauses, capability.DockerDefault, env.Granted), clauses, capability.DockerDefault, env.Granted)
		}
	})
}
