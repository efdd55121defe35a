package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// How is a way in which a service shows that it is ready.
type How string

// The ways. Listening and Quiet are found out by the reference; the others may be told.
const (
	// Healthy: the health check says so.
	Healthy How = "healthy"
	// TCP: a connection to Port is accepted.
	TCP How = "tcp"
	// HTTP: GET Argument on Port is answered with a status below 400.
	HTTP How = "http"
	// Log: a line of its output matches Argument, a regular expression.
	Log How = "log"
	// Command: Argument, a shell command, exits with 0 inside the container.
	Command How = "exec"
	// After: it has lived for After.
	After How = "after"
	// Never: it is no service, whatever it looks like.
	Never How = "none"
	// Listening: it listens on the ports on which the reference listened.
	Listening How = "listening"
	// Quiet: it has lived, and started no process and no program for a while.
	Quiet How = "quiet"
)

// Readiness says when a service is ready. The zero value leaves it to the reference.
type Readiness struct {
	How How
	// Port is that of TCP and HTTP, in the container.
	Port int
	// Argument is the path, the regular expression or the command.
	Argument string
	// After is how long it has to live.
	After time.Duration
}

// Grammar is what ParseReadiness takes, for help and errors.
const Grammar = "healthy, tcp:PORT, http:PORT/PATH, log:REGEX, exec:COMMAND, after:DURATION or none"

// ParseReadiness reads what --ready takes.
func ParseReadiness(text string) (Readiness, error) {
	how, rest, _ := strings.Cut(text, ":")
	r := Readiness{How: How(how)}
	var err error
	switch r.How {
	case Healthy, Never:
		if text != how {
			err = errors.New("nothing follows it")
		}
	case TCP:
		r.Port, err = port(rest)
	case HTTP:
		number, path, _ := strings.Cut(rest, "/")
		r.Argument = "/" + path
		r.Port, err = port(number)
	case Log:
		r.Argument = rest
		if _, err = regexp.Compile(rest); err == nil && rest == "" {
			err = errors.New("the regular expression is missing")
		}
	case Command:
		r.Argument = rest
		if strings.TrimSpace(rest) == "" {
			err = errors.New("the command is missing")
		}
	case After:
		if r.After, err = time.ParseDuration(rest); err == nil && r.After <= 0 {
			err = errors.New("the duration must be positive")
		}
	default:
		return Readiness{}, fmt.Errorf("%q is none of %s", text, Grammar)
	}
	if err != nil {
		return Readiness{}, fmt.Errorf("%q: %w (%s)", text, err, Grammar)
	}
	return r, nil
}

func port(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is no port", text)
	}
	return n, nil
}

// String is what ParseReadiness reads, or the name of what the reference found out.
func (r Readiness) String() string {
	switch r.How {
	case TCP:
		return fmt.Sprintf("tcp:%d", r.Port)
	case HTTP:
		return fmt.Sprintf("http:%d%s", r.Port, r.Argument)
	case Log, Command:
		return string(r.How) + ":" + r.Argument
	case After:
		return "after:" + r.After.String()
	default:
		return string(r.How)
	}
}
