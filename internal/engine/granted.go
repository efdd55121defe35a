package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// Flags are the docker run options that say which capabilities a container gets
// today.
type Flags struct {
	CapAdd, CapDrop []string
	Privileged      bool
}

// Granted is the set that these options give on an engine with that default, as
// moby's TweakCapabilities computes it (daemon/pkg/oci/caps/utils.go): their order
// means nothing, and with ALL dropped the added ones are all there is.
func Granted(byDefault capability.Set, f Flags) (capability.Set, error) {
	add, err := capability.ParseSet(f.CapAdd...)
	if err != nil {
		return 0, fmt.Errorf("--cap-add: %w", err)
	}
	drop, err := capability.ParseSet(f.CapDrop...)
	if err != nil {
		return 0, fmt.Errorf("--cap-drop: %w", err)
	}
	switch {
	case f.Privileged:
		return capability.Known(), nil
	case namesAll(f.CapDrop):
		return add, nil
	case namesAll(f.CapAdd):
		return capability.Known().Minus(drop), nil
	default:
		return byDefault.Minus(drop).Union(add), nil
	}
}

// Grantable is what may be granted while capprof searches, before --allow: what the
// options grant today. A --cap-drop ALL that stands alone, as most reports paste it,
// tells nothing of what may be granted: then it is the engine's default, and
// defaulted says so.
func Grantable(byDefault capability.Set, f Flags) (may capability.Set, defaulted bool, err error) {
	granted, err := Granted(byDefault, f)
	if err != nil || f.Privileged || len(f.CapAdd) > 0 || !namesAll(f.CapDrop) {
		return granted, false, err
	}
	return byDefault, true, nil
}

// namesAll reports whether ALL is among the names, each of which may be a list.
func namesAll(names []string) bool {
	return slices.ContainsFunc(names, func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(name string) bool {
			return strings.EqualFold(strings.TrimSpace(name), "ALL") || strings.EqualFold(strings.TrimSpace(name), "CAP_ALL")
		})
	})
}
