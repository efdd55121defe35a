package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// Granted is the set that the options of docker run give on an engine with that default, as
// moby's TweakCapabilities computes it (daemon/pkg/oci/caps/utils.go): their order
// means nothing, and with ALL dropped the added ones are all there is.
func Granted(byDefault capability.Set, o workload.Options) (capability.Set, error) {
	add, err := capability.ParseSet(o.Values("cap-add")...)
	if err != nil {
		return 0, fmt.Errorf("--cap-add: %w", err)
	}
	drop, err := capability.ParseSet(o.Values("cap-drop")...)
	if err != nil {
		return 0, fmt.Errorf("--cap-drop: %w", err)
	}
	switch {
	case o.Bool("privileged"):
		return capability.Known(), nil
	case namesAll(o.Values("cap-drop")):
		return add, nil
	case namesAll(o.Values("cap-add")):
		return capability.Known().Minus(drop), nil
	default:
		return byDefault.Minus(drop).Union(add), nil
	}
}

// Grantable is what may be granted while capprof searches, where the user does not
// say: what the options grant today. A --cap-drop ALL alone, as most reports paste it,
// tells nothing of what may be granted: then it is the engine's default.
func Grantable(byDefault capability.Set, o workload.Options) (capability.Set, error) {
	if !o.Bool("privileged") && len(o.Values("cap-add")) == 0 && namesAll(o.Values("cap-drop")) {
		return byDefault, nil
	}
	return Granted(byDefault, o)
}

// namesAll reports whether ALL is among the names, each of which may be a list.
func namesAll(names []string) bool {
	return slices.ContainsFunc(names, func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(name string) bool {
			return strings.EqualFold(strings.TrimSpace(name), "ALL") || strings.EqualFold(strings.TrimSpace(name), "CAP_ALL")
		})
	})
}
