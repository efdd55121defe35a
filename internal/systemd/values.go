package systemd

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

func parse(text string, base int) (uint64, error) { return strconv.ParseUint(text, base, 32) }

// boolean is one of systemd.syntax(7).
func boolean(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, nil
	case "0", "no", "n", "false", "f", "off", "":
		return false, nil
	}
	return false, errors.New("neither yes nor no")
}

// units of time are those of systemd.time(7), in seconds.
var timeUnits = map[string]float64{
	"": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6,
	"m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
}

// duration is a span of time; negative for ever.
func duration(value string) (time.Duration, error) {
	if value == "infinity" || value == "0" {
		return -time.Second, nil
	}
	rest, seconds := strings.TrimSpace(value), 0.0
	for rest != "" {
		end := strings.IndexFunc(rest, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
		if end < 0 {
			end = len(rest)
		}
		n, err := strconv.ParseFloat(rest[:end], 64)
		if err != nil {
			return 0, errors.New("not a span of time, such as 90 or 1min 30s")
		}
		rest = strings.TrimLeft(rest[end:], " ")
		end = strings.IndexFunc(rest, func(c rune) bool { return c < 'a' || c > 'z' })
		if end < 0 {
			end = len(rest)
		}
		scale, known := timeUnits[rest[:end]]
		if !known {
			return 0, fmt.Errorf("%q is no unit of time", rest[:end])
		}
		seconds += n * scale
		rest = strings.TrimLeft(rest[end:], " ")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// limits are the directives of setrlimit(2).
var limits = map[string]int{
	"LimitCPU": unix.RLIMIT_CPU, "LimitFSIZE": unix.RLIMIT_FSIZE, "LimitDATA": unix.RLIMIT_DATA, "LimitSTACK": unix.RLIMIT_STACK, "LimitCORE": unix.RLIMIT_CORE,
	"LimitRSS": unix.RLIMIT_RSS, "LimitNOFILE": unix.RLIMIT_NOFILE, "LimitAS": unix.RLIMIT_AS, "LimitNPROC": unix.RLIMIT_NPROC, "LimitMEMLOCK": unix.RLIMIT_MEMLOCK,
	"LimitLOCKS": unix.RLIMIT_LOCKS, "LimitSIGPENDING": unix.RLIMIT_SIGPENDING, "LimitMSGQUEUE": unix.RLIMIT_MSGQUEUE, "LimitNICE": unix.RLIMIT_NICE,
	"LimitRTPRIO": unix.RLIMIT_RTPRIO, "LimitRTTIME": unix.RLIMIT_RTTIME,
}

// limit reads SOFT:HARD, or one value for both.
func (r *reader) limit(name, value string) error {
	if value == "" {
		return nil
	}
	soft, hard, both := strings.Cut(value, ":")
	if !both {
		hard = soft
	}
	l := Limit{Resource: limits[name]}
	var err error
	if l.Soft, err = quantity(soft); err != nil {
		return err
	}
	if l.Hard, err = quantity(hard); err != nil {
		return err
	}
	r.Limits = append(r.Limits, l)
	return nil
}

// quantity is a number with a suffix to the base 1024, or infinity.
func quantity(value string) (uint64, error) {
	value = strings.TrimSpace(value)
	if value == "infinity" {
		return math.MaxUint64, nil
	}
	shift := 0
	if value != "" {
		if i := strings.IndexByte("KMGTPE", value[len(value)-1]); i >= 0 {
			value, shift = value[:len(value)-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n<<shift>>shift != n {
		return 0, errors.New("not a limit")
	}
	return n << shift, nil
}

// capabilities merges a list into a set: the names, or with ~ all but them.
func capabilities(set *capability.Set, value string) error {
	names, inverted := strings.CutPrefix(value, "~")
	words := strings.Fields(names)
	if len(words) == 0 {
		*set = 0
		if inverted {
			*set = capability.Known()
		}
		return nil
	}
	named, err := capability.ParseSet(words...)
	if err != nil {
		return err
	}
	if inverted {
		*set = set.Minus(named)
	} else {
		*set = set.Union(named)
	}
	return nil
}
