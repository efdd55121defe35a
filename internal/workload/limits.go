package workload

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/docker/go-units"
)

// parseNumber reads an integer as pflag does for docker run: 0x10 is one too.
func parseNumber(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 0, 64)
	if err != nil {
		return 0, errors.New("not a whole number")
	}
	return n, nil
}

// within checks an integer between two others.
func within(least, most int64) func(string) error {
	return func(value string) error {
		n, err := parseNumber(value)
		if err == nil && (n < least || n > most) {
			err = fmt.Errorf("not from %d to %d", least, most)
		}
		return err
	}
}

// weight is one of block I/O, where 0 is for none (moby, verifyPlatformContainerResources).
func weight(value string) error {
	if n, err := parseNumber(value); err == nil && n == 0 {
		return nil
	}
	return within(10, 1000)(value)
}

func parseSize(value string) (int64, error) {
	var size opts.MemBytes
	if err := size.Set(value); err != nil {
		return 0, errors.New("not a number of bytes, such as 1048576, 512k, 64m or 2g")
	}
	return size.Value(), nil
}

func parseSwap(value string) (int64, error) {
	if value == "-1" {
		return -1, nil
	}
	return parseSize(value)
}

func parseUlimit(value string) (*units.Ulimit, error) {
	limit, err := units.ParseUlimit(value)
	if err != nil {
		return nil, err
	}
	return limit, nil
}

// numberOption is a Text whose value is an integer.
func numberOption(name, short, field, compose, usage string, check func(string) error) *Option {
	return &Option{
		Name: name, Short: short, Kind: Text, Check: check, Usage: usage,
		Fields: func(values []string, _ Client) (Fields, error) {
			n, err := parseNumber(values[0])
			return Fields{field: n}, err
		},
		Compose: compose, ComposeValue: composeNumber,
	}
}

// sizeOption is a Text whose value is a number of bytes, with a unit or without.
func sizeOption(name, short, field, compose, usage string) *Option {
	return &Option{
		Name: name, Short: short, Kind: Text, Check: check(parseSize), Usage: usage,
		Fields: func(values []string, _ Client) (Fields, error) {
			size, err := parseSize(values[0])
			return Fields{field: size}, err
		},
		Compose: compose,
	}
}

// throttleOption is a List of rates by device. T is docker/cli's form of one.
func throttleOption[T any](name, field, compose, usage string, parse func(string) (T, error)) *Option {
	return &Option{
		Name: name, Kind: List, Check: check(parse), Key: beforeColon, Usage: usage,
		Fields: func(values []string, _ Client) (Fields, error) {
			return Fields{"HostConfig." + field: anyOf(parsed(values, parse))}, nil
		},
		Compose: "blkio_config." + compose, ComposeValue: composeOfDevices("rate"),
	}
}

func ulimits(values []string, _ Client) (Fields, error) {
	all := parsed(values, parseUlimit)
	slices.SortFunc(all, func(a, b *units.Ulimit) int { return strings.Compare(a.Name, b.Name) })
	return Fields{"HostConfig.Ulimits": anyOf(all)}, nil
}

// composeNumber is an integer in YAML, where docker-compose 1 takes no string.
func composeNumber(values []string) any {
	n, err := parseNumber(values[0])
	if err != nil {
		return nil
	}
	return n
}

func composeUlimits(values []string) any {
	all := map[string]any{}
	for _, limit := range parsed(values, parseUlimit) {
		all[limit.Name] = map[string]any{"soft": limit.Soft, "hard": limit.Hard}
	}
	return all
}

// composeOfDevices makes {path, KEY} of DEVICE:NUMBER. A weight is a number in Compose, a
// rate may have a unit.
func composeOfDevices(key string) func(values []string) any {
	return func(values []string) any {
		var all []any
		for _, value := range values {
			device, number, _ := strings.Cut(value, ":")
			entry := map[string]any{"path": device, key: number}
			if n, err := parseNumber(number); err == nil {
				entry[key] = n
			}
			all = append(all, entry)
		}
		return all
	}
}
