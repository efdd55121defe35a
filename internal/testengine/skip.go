package testengine

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// Reason names a thing that a machine may lack. It is the first word of a
// skipped test's message, so that CI can list those that it expects.
type Reason string

// The reasons.
const (
	NotRoot      Reason = "not-root"      // the tests do not run as root
	NoEngine     Reason = "no-engine"     // no docker command or no daemon
	NoDockerd    Reason = "no-dockerd"    // no dockerd to start a second one
	NoPodman     Reason = "no-podman"     // no podman to start a service of
	NoNamespaces Reason = "no-namespaces" // the kernel or a sandbox refuses new namespaces
	NoMmdebstrap Reason = "no-mmdebstrap" // the Debian image can't be built
	NoTracing    Reason = "no-tracing"    // the kernel has no hook for capability checks
	NoCompose    Reason = "no-compose"    // no docker-compose
	Unsettled    Reason = "unsettled"     // the machine's set-up makes the case meaningless
)

// SkipsEnv lists, separated by commas, the reasons for which tests may skip.
// Unset means any; an empty list means none, so that a machine which should
// have everything can't pass by running nothing.
const SkipsEnv = "CAPPROF_TEST_SKIPS"

// Skip ends the test: skipped where the reason is expected, failed otherwise.
func Skip(t testing.TB, reason Reason, format string, args ...any) {
	t.Helper()
	allowed, restricted := os.LookupEnv(SkipsEnv)
	if restricted && !slices.Contains(strings.Split(allowed, ","), string(reason)) {
		t.Fatalf(string(reason)+": "+format+" (a skip that "+SkipsEnv+" does not list)", args...)
	}
	t.Skipf(string(reason)+": "+format, args...)
}

// SkipOrFail skips when err says that the machine lacks something and fails the
// test for any other error.
func SkipOrFail(t testing.TB, err error) {
	t.Helper()
	if missing, ok := errors.AsType[*unavailable](err); ok {
		Skip(t, missing.reason, "%v", missing.err)
	}
	t.Fatal(err)
}

// Unavailable marks err as something that the machine lacks.
func Unavailable(reason Reason, err error) error { return &unavailable{reason, err} }

// unavailable is an error that skips a test instead of failing it.
type unavailable struct {
	reason Reason
	err    error
}

func (u *unavailable) Error() string { return string(u.reason) + ": " + u.err.Error() }

func (u *unavailable) Unwrap() error { return u.err }
