package docker

import (
	"encoding/csv"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/text"
)

// size is a number of bytes as docker run takes it, none for 0.
func size(bytes int64) []string {
	switch {
	case bytes == 0:
		return nil
	case bytes > 0:
		for _, unit := range []struct {
			name string
			size int64
		}{{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}} {
			if bytes%unit.size == 0 {
				return []string{strconv.FormatInt(bytes/unit.size, 10) + unit.name}
			}
		}
	}
	return []string{strconv.FormatInt(bytes, 10)}
}

// beyond is given where it is not the usual value.
func beyond(given, usual []string) []string {
	if slices.Equal(given, usual) {
		return nil
	}
	return given
}

// readSwap is memory and swap together. The engine itself makes it twice the memory.
func readSwap(o original) []string {
	return beyond(size(o.HostConfig.MemorySwap), size(2*o.HostConfig.Memory))
}

// readCPUs is a share of the processors' time.
func readCPUs(o original) []string {
	if o.HostConfig.NanoCPUs == 0 {
		return nil
	}
	return []string{strconv.FormatFloat(float64(o.HostConfig.NanoCPUs)/1e9, 'f', -1, 64)}
}

// readSwappiness is how readily memory is swapped; 0 is a value. Podman writes it where
// nothing was given.
func readSwappiness(o original) []string {
	given := o.HostConfig.MemorySwappiness
	if given == nil || *given < 0 || *given == 0 && o.engine.kind == Podman {
		return nil
	}
	return []string{strconv.FormatInt(*given, 10)}
}

// readUlimits are limits of processes, soft and hard, or both in one.
func readUlimits(o original) []string {
	var all []string
	for _, limit := range o.HostConfig.Ulimits {
		value := fmt.Sprintf("%s=%d", limit.Name, limit.Soft)
		if limit.Hard != limit.Soft {
			value += ":" + strconv.FormatInt(limit.Hard, 10)
		}
		all = append(all, value)
	}
	return all
}

// readStopTimeout is in seconds; 0 is a value.
func readStopTimeout(o original) []string {
	if o.Config.StopTimeout == nil {
		return nil
	}
	return []string{strconv.Itoa(*o.Config.StopTimeout)}
}

// readRestart is for exports alone.
func readRestart(o original) []string {
	policy := o.HostConfig.RestartPolicy
	switch {
	case policy.IsNone() || policy.Name == "":
		return nil
	case policy.MaximumRetryCount > 0:
		return []string{fmt.Sprintf("%s:%d", policy.Name, policy.MaximumRetryCount)}
	}
	return []string{string(policy.Name)}
}

// readDetach: nobody writes to the container's standard input, which stays open.
func readDetach(o original) []string {
	if o.Config.OpenStdin && !o.Config.StdinOnce {
		return []string{"true"}
	}
	return nil
}

// texts are values by their own String, which docker's types have in docker run's form.
func texts[T fmt.Stringer](values []T) []string {
	var all []string
	for _, value := range values {
		all = append(all, value.String())
	}
	return all
}

// joined are names and values of a map, in the order of the names; a name alone where
// the value is empty.
func joined(pairs map[string]string, sign string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		if pairs[name] == "" && sign == ":" {
			all = append(all, name)
			continue
		}
		all = append(all, name+sign+pairs[name])
	}
	return all
}

// record is a line of comma-separated fields, such as those of --mount. Values with
// commas are quoted as docker/cli reads them.
func record(fields [][2]string) string {
	var words []string
	for _, field := range fields {
		word := field[0]
		if field[1] != "" {
			word += "=" + field[1]
		}
		words = append(words, word)
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(words) // a strings.Builder takes everything
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// health is the container's own health check, nil for the image's.
func (o original) health() *container.HealthConfig {
	if reflect.DeepEqual(o.Config.Healthcheck, o.image.Healthcheck) {
		return nil
	}
	return o.Config.Healthcheck
}

// imageHealth is the image's, which the engine fills in where an option is missing.
func (o original) imageHealth() container.HealthConfig {
	if o.image.Healthcheck == nil {
		return container.HealthConfig{}
	}
	return *o.image.Healthcheck
}

func readNoHealthCheck(o original) []string {
	if own := o.health(); own != nil && len(own.Test) > 0 && own.Test[0] == "NONE" {
		return []string{"true"}
	}
	return nil
}

// readHealthCommand is the command for the container's shell. One that runs without a shell
// is quoted for it: docker run has no other form.
func readHealthCommand(o original) []string {
	own := o.health()
	if own == nil || len(own.Test) < 2 || slices.Equal(own.Test, o.imageHealth().Test) {
		return nil
	}
	switch own.Test[0] {
	case "CMD-SHELL":
		return []string{own.Test[1]}
	case "CMD":
		var words []string
		for _, word := range own.Test[1:] {
			words = append(words, text.ShellWord(word))
		}
		return []string{strings.Join(words, " ")}
	}
	return nil
}

func readHealthTime(o original, field string) []string {
	times := func(h container.HealthConfig) time.Duration {
		return map[string]time.Duration{"Interval": h.Interval, "Timeout": h.Timeout, "StartPeriod": h.StartPeriod, "StartInterval": h.StartInterval}[field]
	}
	own := o.health()
	if own == nil || times(*own) == 0 || times(*own) == times(o.imageHealth()) || readNoHealthCheck(o) != nil {
		return nil
	}
	return []string{times(*own).String()}
}

func readHealthRetries(o original) []string {
	own := o.health()
	if own == nil || own.Retries == 0 || own.Retries == o.imageHealth().Retries || readNoHealthCheck(o) != nil {
		return nil
	}
	return []string{strconv.Itoa(own.Retries)}
}
