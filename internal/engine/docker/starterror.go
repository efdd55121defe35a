package docker

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

// startFailure sorts what the engine answers to a start. The answer is the
// runtime's own message behind the engine's and containerd's, for example
//
//	failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process:
//	exec: "nosuch": executable file not found in $PATH: unknown
func (c *Container) startFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if unreachable(err) || isSilence(err) {
		return c.lost("starting", err)
	}
	message := err.Error()
	switch {
	case capabilitiesNotApplied.MatchString(message):
		return &engine.RefusedError{Refused: capability.Of(), Err: err}
	case commandNotStarted.MatchString(message):
		return startError(message, fmt.Errorf("the container's command cannot be started: %w", err))
	case exhausted(message):
		return fmt.Errorf("starting container %s: %w", c.short(), err)
	}
	return fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
}

var (
	// runc (libcontainer/init_linux.go, finalizeNamespace) and crun
	// (src/libcrun/linux.c, libcrun_set_caps) when the runtime itself does not hold
	// a capability that it is to hand on.
	capabilitiesNotApplied = regexp.MustCompile(`unable to apply (?:caps|bounding set)|(?:prctl\(PR_CAPBSET_DROP\)|\bcapset\b|set ambient|drop bounding|keep caps).*(?i:operation not permitted)`)
	// runc: exec: "NAME": REASON, and the change to the working directory just
	// before it. crun: executable file `NAME` not found in $PATH, open executable:
	// REASON.
	commandNotStarted = regexp.MustCompile(`exec: "|executable file .*not found|open executable|chdir to (?:cwd|[` + "`" + `'"])`)
)

// exhausted reports whether the machine, not the request, is at fault.
func exhausted(message string) bool {
	return slices.ContainsFunc([]syscall.Errno{syscall.ENOSPC, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN},
		func(errno syscall.Errno) bool { return strings.Contains(strings.ToLower(message), errno.Error()) })
}

// startError gives a failed start docker's code.
func startError(message string, err error) *engine.StartError {
	message = strings.ToLower(message)
	permission := strings.Contains(message, syscall.EPERM.Error()) || strings.Contains(message, syscall.EACCES.Error())
	code := 126
	if !permission && (strings.Contains(message, "not found") || strings.Contains(message, syscall.ENOENT.Error())) {
		code = 127
	}
	return &engine.StartError{Code: code, Permission: permission, Err: err}
}

// runtimeExecFailures are the lines that a runtime's init leaves on stderr when
// its execve(2) itself failed: by then nobody listens to it but the container's
// own streams. runc since 1.1 (os.PathError of standard_init_linux.go), runc
// before, crun.
var runtimeExecFailures = []*regexp.Regexp{
	regexp.MustCompile(`^exec (?P<path>\S.*?): (?P<reason>[a-z][a-z '/()-]+)$`),
	regexp.MustCompile(`^standard_init_linux\.go:\d+: exec user process caused:? "?(?P<reason>[a-z][a-z '/()-]+)"?$`),
	regexp.MustCompile("(?i)exec container process (?:\\(missing dynamic library\\?\\) )?`(?P<path>[^`]+)`: (?P<reason>[a-z][a-z '/()-]+)"),
}

// runtimeExitCodes are the statuses of a runtime's init that failed: 1 for runc
// up to 1.1 and crun, 255 for runc since 1.2, and what shells made a custom of.
var runtimeExitCodes = []int{1, 126, 127, 255}

// execFailure recognises a container whose runtime could not execute the
// command, which the engine reports as a plain exit status. It is one only if
// the line is all that was ever written and names the container's own command:
// no program that started would report itself so. nil otherwise.
func execFailure(code int, seen *head, command string) *engine.StartError {
	line, alone := seen.onlyLine()
	if !alone || !slices.Contains(runtimeExitCodes, code) {
		return nil
	}
	for _, form := range runtimeExecFailures {
		match := form.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		if i := form.SubexpIndex("path"); i >= 0 && match[i] != command && path.Base(match[i]) != path.Base(command) {
			continue
		}
		reason := match[form.SubexpIndex("reason")]
		return startError(reason, fmt.Errorf("the container's command cannot be started: %w", errors.New(line)))
	}
	return nil
}

// head is the beginning of what a run wrote.
type head struct{ stdout, stderr beginning }

// onlyLine returns the one line that was written, on stderr or, with a
// terminal, on the one stream that there is. False when there was more or less.
func (h *head) onlyLine() (string, bool) {
	text := h.stderr
	if text.total == 0 {
		text = h.stdout
	} else if h.stdout.total != 0 {
		return "", false
	}
	if text.total != len(text.kept) {
		return "", false
	}
	line, rest, complete := strings.Cut(string(text.kept), "\n")
	return strings.TrimSuffix(line, "\r"), complete && rest == ""
}

// beginning keeps the first bytes of a stream and counts all.
type beginning struct {
	kept  []byte
	total int
}

// beginningSize holds any message of a runtime: a path is at most 4096 bytes.
const beginningSize = 8 << 10

func (b *beginning) add(p []byte) {
	b.total += len(p)
	b.kept = append(b.kept, p[:min(len(p), beginningSize-len(b.kept))]...)
}
