package tracer

import (
	"slices"
	"strings"
	"testing"
)

// What is inside of the hooked function is the hook's own; what called it is not.
func TestStackNames(t *testing.T) {
	s, err := parseSymbols(strings.NewReader(strings.Join([]string{
		"0000000000001000 T cap_capable", "0000000000002000 T security_capable", "0000000000003000 T ns_capable", "0000000000004000 T cap_task_prctl",
		"0000000000005000 T security_task_prctl", "0000000000008000 t last_of_a_module\t[module]", "0000000000001800 d no_function",
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	const program, trampoline = 0x9010, 0xa010
	own := codeRanges{{0xb000, 0xb100}, {0x9000, 0x9100}}
	for name, c := range map[string]struct {
		frames []uint64
		want   string
	}{
		"tracepoint":                        {[]uint64{program, 0x8010, 0x1010, 0x2010, 0x3010}, "security_capable ns_capable"},
		"fexit, called":                     {[]uint64{program, trampoline, 0x1005, 0x2010, 0x3010}, "security_capable ns_capable"},
		"fexit, jumped to":                  {[]uint64{program, trampoline, 0x2010, 0x3010}, "security_capable ns_capable"},
		"kprobe, at the first instruction":  {[]uint64{0x1000, 0x2010, 0x3010}, "security_capable ns_capable"},
		"kprobe, behind the breakpoint":     {[]uint64{0x1001, 0x2010, 0x3010}, "security_capable ns_capable"},
		"hidden, fentry":                    {[]uint64{program, trampoline, 0x4005, 0x5010}, "cap_task_prctl security_task_prctl"},
		"hidden, kprobe":                    {[]uint64{0x4000, 0x5010}, "cap_task_prctl security_task_prctl"},
		"within the function that hides":    {[]uint64{program, 0x8010, 0x1010, 0x4010, 0x5010}, "cap_task_prctl security_task_prctl"},
		"a call at a function's last place": {[]uint64{0x1001, 0x3000, 0x4010}, "security_capable cap_task_prctl"},
		"nothing else":                      {[]uint64{program, trampoline}, ""},
		"cut off":                           {[]uint64{0x1001, 0x2010, 0, 0x3010}, "security_capable"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.stackNames(c.frames, own); !slices.Equal(got, strings.Fields(c.want)) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
