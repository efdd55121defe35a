package workload

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/pkg/kvfile"
	"github.com/moby/sys/signal"
)

// ParseSignal reads a signal as the engine does: a number, or a name with or without SIG,
// such as QUIT or RTMIN+3.
func ParseSignal(value string) (syscall.Signal, error) {
	parsed, err := signal.ParseSignal(value)
	if err != nil || parsed < 1 || parsed > lastSignal {
		return 0, errors.New("not a signal")
	}
	return parsed, nil
}

// lastSignal is the kernel's _NSIG.
const lastSignal = 64

// parseDuration reads a time that is not negative.
func parseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return 0, errors.New("not a time, such as 500ms, 30s or 5m")
	case d < 0:
		return 0, errors.New("a negative time")
	}
	return d, nil
}

// durationOption is a Text about the health check whose value is a time.
func durationOption(name, field, compose, usage, since string) *Option {
	return &Option{
		Name: name, Kind: Text, Check: check(parseDuration), Usage: usage, Since: since,
		Fields: func(values []string, _ Client) (Fields, error) {
			d, err := parseDuration(values[0])
			return Fields{"Config.Healthcheck." + field: int64(d)}, err
		},
		Compose: "healthcheck." + compose, ComposeV2: since != "",
	}
}

// healthy says what contradicts in the options about the health check (docker/cli, parse).
func healthy(o Options) error {
	if !o.Bool("no-healthcheck") {
		return nil
	}
	for _, option := range o.All() {
		if strings.HasPrefix(option.Name, "health-") {
			return fmt.Errorf("--no-healthcheck and --%s exclude each other", option.Name)
		}
	}
	return nil
}

func checkPair(value string) error {
	if name, _, ok := strings.Cut(value, "="); !ok || name == "" {
		return errors.New("not NAME=VALUE")
	}
	return nil
}

// pairsAt puts NAME=VALUE into a map of the API.
func pairsAt(field string) func([]string, Client) (Fields, error) {
	return func(values []string, _ Client) (Fields, error) {
		return Fields{field: anyIn(pairs(values))}, nil
	}
}

func composePairs(values []string) any { return pairs(values) }

// composeSeconds is a number of seconds as a time. Compose has none for no limit at all.
func composeSeconds(values []string) any {
	n, err := parseNumber(values[0])
	if err != nil || n < 0 {
		return nil
	}
	return fmt.Sprintf("%ds", n)
}

// ofFiles are the lines NAME=VALUE of files (docker/cli, pkg/kvfile).
func ofFiles(paths []string, c Client, lookup func(string) (string, bool)) ([]string, error) {
	var all []string
	for _, path := range paths {
		text, err := c.ReadFile(path)
		if err != nil {
			return nil, err
		}
		lines, err := kvfile.ParseFromReader(bytes.NewReader(text), lookup)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, lines...)
	}
	return all, nil
}

// variablesOfFiles fills in the values of names that stand alone, as docker run does; a
// name that is not set here counts for nothing.
func variablesOfFiles(paths []string, c Client) (Fields, error) {
	lines, err := ofFiles(paths, c, c.LookupEnv)
	return Fields{"Config.Env": lines}, err
}

func labelsOfFiles(paths []string, c Client) (Fields, error) {
	lines, err := ofFiles(paths, c, nil)
	return Fields{"Config.Labels": anyIn(pairs(lines))}, err
}
