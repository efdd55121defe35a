package seccomp

import (
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// change is a difference of an older default profile from the newest that
// matters to a call which was refused: who opened it then. Calls that older
// profiles let pass and the newest refuses are not here (io_uring until 24,
// socket(2) of some families): they were not seen refused.
type change struct {
	// before is the major version of the engine that has the newest rule.
	before int
	calls  []string
	// opens are the capabilities that opened the calls before, nil when none did.
	opens []capability.Cap
}

// history is what the default.json of moby's profiles/seccomp says at
// v20.10.24, v23.0.6, v24.0.5 and in github.com/moby/profiles/seccomp v0.3.0.
var history = []change{
	// CAP_BPF and CAP_PERFMON became known in 23.0.
	{23, []string{"bpf", "perf_event_open"}, []capability.Cap{capability.SysAdmin}},
	{23, []string{"process_vm_readv", "process_vm_writev"}, []capability.Cap{capability.SysPtrace}},
	{24, []string{"name_to_handle_at"}, []capability.Cap{capability.SysAdmin}},
	// Calls that the older profile does not know are refused to everybody.
	{23, []string{"clock_settime64", "pkey_alloc", "pkey_free", "pkey_mprotect"}, nil},
	{25, []string{"set_mempolicy_home_node", "cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "map_shadow_stack"}, nil},
	{28, []string{
		"lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "listmount", "statmount", "mseal", "uretprobe",
		"getxattrat", "listxattrat", "removexattrat", "setxattrat", "riscv_hwprobe",
	}, nil},
}

// amendments are the changes that hold for an engine of this version. Of an
// engine of unknown version it returns all that ever were instead: they explain
// a refusal that the newest profile does not.
func amendments(engineVersion string) (amended, older map[string][]capability.Cap) {
	amended, older = map[string][]capability.Cap{}, map[string][]capability.Cap{}
	major := majorOf(engineVersion)
	for _, c := range history {
		for _, name := range c.calls {
			switch {
			case major > 0 && major < c.before:
				amended[name] = c.opens
			case major == 0 && len(c.opens) > 0:
				older[name] = c.opens
			}
		}
	}
	return amended, older
}

// majorOf reads the first number of a version such as "20.10.24+dfsg1"; 0 when
// there is none, as in a build from a branch ("dev", "0.0.0-2025...").
func majorOf(version string) int {
	first, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}
