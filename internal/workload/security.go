package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// SecurityOption is a --security-opt.
type SecurityOption struct {
	// Name is seccomp, apparmor, label, systempaths, no-new-privileges or one that the
	// engine knows.
	Name string
	// Value is what is behind the name, whole; "true" for no-new-privileges alone.
	Value string
}

const noNewPrivileges = "no-new-privileges"

// ParseSecurityOption reads NAME=VALUE or, as of old, NAME:VALUE. A value may hold
// colons and equals signs (docker/cli, parseSecurityOpts; moby, parseSecurityOpt).
func ParseSecurityOption(value string) (SecurityOption, error) {
	if value == noNewPrivileges {
		return SecurityOption{Name: noNewPrivileges, Value: "true"}, nil
	}
	name, rest, ok := strings.Cut(value, "=")
	if !ok {
		name, rest, _ = strings.Cut(value, ":")
	}
	switch {
	case name == "":
		return SecurityOption{}, errors.New("it has no name")
	case rest == "":
		return SecurityOption{}, errors.New("it has no value")
	case name == noNewPrivileges:
		if _, err := strconv.ParseBool(rest); err != nil {
			return SecurityOption{}, fmt.Errorf("%q is neither true nor false", rest)
		}
	}
	return SecurityOption{Name: name, Value: rest}, nil
}

// Security is the value of a security option, the last one, as for the engine; "" when
// it is not given.
func (o Options) Security(name string) string {
	value := ""
	for _, option := range parsed(o.Values("security-opt"), ParseSecurityOption) {
		if option.Name == name {
			value = option.Value
		}
	}
	return value
}

// NoNewPrivileges reports whether the workload's processes cannot gain privileges by
// execve(2).
func (o Options) NoNewPrivileges() bool {
	on, err := strconv.ParseBool(o.Security(noNewPrivileges))
	return err == nil && on
}

// Seccomp is the seccomp profile that the workload asks for: "" for the engine's
// default, "unconfined", "builtin", the path of a file, which is read here and not where
// the engine is, or the profile itself; see InlineSeccomp.
func (o Options) Seccomp() string { return o.Security("seccomp") }

// InlineSeccomp reports whether a seccomp profile is given as its text, as the engine
// has it of an existing container, and not by name. docker run itself takes a file only.
func InlineSeccomp(value string) bool { return strings.HasPrefix(value, "{") }

// securityOptions handles the part that is the client's: a seccomp profile is a file
// here and JSON on the wire, and systempaths=unconfined is no option of the engine's at
// all.
func securityOptions(values []string, c Client) (Fields, error) {
	fields := Fields{}
	var sent []string
	for _, value := range values {
		option, err := ParseSecurityOption(value)
		switch {
		case err != nil:
			return nil, err
		case value == "systempaths=unconfined":
			// Empty and not nil: nil means the engine's own list.
			fields["HostConfig.MaskedPaths"], fields["HostConfig.ReadonlyPaths"] = []string{}, []string{}
			continue
		case option.Name == "seccomp" && option.Value != "unconfined" && option.Value != "builtin":
			profile, err := seccompText(option.Value, c)
			if err != nil {
				return nil, err
			}
			value = "seccomp=" + profile
		}
		sent = append(sent, value)
	}
	fields["HostConfig.SecurityOpt"] = sent
	return fields, nil
}

// seccompText is the text of a seccomp profile, of a file or inline, without white space.
func seccompText(value string, c Client) (string, error) {
	data, of := []byte(value), "inline seccomp profile"
	if !InlineSeccomp(value) {
		of = "seccomp profile " + value
		var err error
		if data, err = c.ReadFile(value); err != nil {
			return "", fmt.Errorf("reading the seccomp profile: %w", err)
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return "", fmt.Errorf("%s: %w", of, err)
	}
	return compact.String(), nil
}
