package docker

import (
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// applySecurityOptions handles the part of --security-opt that is the client's:
// a seccomp profile is a file here and JSON on the wire, and
// systempaths=unconfined is no option of the engine's at all.
func applySecurityOptions(host *container.HostConfig, options []string, read func(path string) (string, error)) error {
	for _, option := range options {
		if option == "systempaths=unconfined" {
			// Empty and not nil: nil means the engine's own list.
			host.MaskedPaths, host.ReadonlyPaths = []string{}, []string{}
			continue
		}
		key, value, hasValue := strings.Cut(option, "=")
		if !hasValue && key != "no-new-privileges" {
			// The older spelling, apparmor:unconfined.
			key, value, hasValue = strings.Cut(option, ":")
		}
		if key != "no-new-privileges" && (!hasValue || value == "") {
			return fmt.Errorf("invalid security option %q: it has no value", option)
		}
		if key == "seccomp" && value != "unconfined" && value != "builtin" {
			profile, err := read(value)
			if err != nil {
				return err
			}
			option = "seccomp=" + profile
		}
		host.SecurityOpt = append(host.SecurityOpt, option)
	}
	return nil
}
