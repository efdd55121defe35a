package workload

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// check makes an option's Check of the parser of its values.
func check[T any](parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		_, err := parse(value)
		return err
	}
}

// parsed are values read by their parser. Those that it refuses are left out: they come
// no further than Validate.
func parsed[T any](values []string, parse func(string) (T, error)) []T {
	var all []T
	for _, value := range values {
		if one, err := parse(value); err == nil {
			all = append(all, one)
		}
	}
	return all
}

func oneOf(choices ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(choices, value) {
			if len(choices) == 1 {
				return fmt.Errorf("not %s, which is all there is", choices[0])
			}
			return fmt.Errorf("not one of %s", strings.Join(choices, ", "))
		}
		return nil
	}
}

// modes are choices, and container:NAME.
func modes(choices ...string) func(string) error {
	return func(value string) error {
		if name, ok := strings.CutPrefix(value, "container:"); ok && name != "" {
			return nil
		}
		return oneOf(append(slices.Clone(choices), "container:NAME")...)(value)
	}
}

func checkEnv(value string) error {
	if beforeEquals(value) == "" {
		return errors.New("it has no name")
	}
	return nil
}

func checkSysctl(value string) error {
	if name, _, ok := strings.Cut(value, "="); !ok || name == "" {
		return errors.New("not NAME=VALUE")
	}
	return nil
}

// User is what --user says, by name or number; "" for what is not given.
func (o Options) User() (user, group string) {
	user, group, _ = strings.Cut(o.Value("user"), ":")
	return user, group
}

// Sysctls are what --sysctl sets, by name.
func (o Options) Sysctls() map[string]string { return pairs(o.Values("sysctl")) }

// variables fills in the values of names that stand alone. One that is not set here
// stays a bare name, by which the engine takes the variable away from the image's.
func variables(values []string, c Client) (Fields, error) {
	all := make([]string, 0, len(values))
	for _, entry := range values {
		if value, set := c.LookupEnv(entry); set && !strings.Contains(entry, "=") {
			if !utf8.ValidString(value) {
				return nil, fmt.Errorf("the value of our variable %s is not UTF-8, which the engine's API cannot hold", entry)
			}
			entry += "=" + value
		}
		all = append(all, entry)
	}
	return Fields{"Config.Env": all}, nil
}
