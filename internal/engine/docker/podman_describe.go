package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
)

// withoutPodmans takes out of a container's description what Podman writes there without
// being asked (containers/common pkg/config/default.go, podman pkg/specgen), and spells the
// rest as Docker does.
func (e libpod) withoutPodmans(ctx context.Context, o *original) error {
	host, config := o.HostConfig, o.Config
	if !host.Privileged {
		if err := e.granted(ctx, o); err != nil {
			return err
		}
	}
	if host.PidsLimit != nil && *host.PidsLimit == 2048 {
		host.PidsLimit = nil
	}
	if host.ShmSize == 65536000 {
		host.ShmSize = usualShmSize
	}
	if config.StopTimeout != nil && *config.StopTimeout == int(stopTimeout.Seconds()) {
		config.StopTimeout = nil
	}
	byImage := o.image.StopSignal
	if byImage == "" {
		byImage = "SIGTERM"
	}
	if signalOf(config.StopSignal) == signalOf(byImage) {
		config.StopSignal = o.image.StopSignal
	}
	if config.WorkingDir == "/" && o.image.WorkingDir == "" {
		config.WorkingDir = ""
	}
	for i, bind := range host.Binds {
		host.Binds[i] = podmanBind(bind)
	}
	host.Ulimits = podmanUlimits(host.Ulimits)
	for target, options := range maps.Clone(host.Tmpfs) {
		const usual = "rw,rprivate,nosuid,nodev,tmpcopyup"
		left, isUsual := strings.CutPrefix(options, usual)
		switch {
		case host.ReadonlyRootfs && options == usual && slices.Contains([]string{"/run", "/tmp", "/var/tmp"}, target):
			// Of --read-only, which makes these writable.
			delete(host.Tmpfs, target)
		case isUsual:
			host.Tmpfs[target] = strings.TrimPrefix(left, ",")
		}
	}
	return nil
}

// podmanBind leaves out of SOURCE:TARGET:OPTIONS what every mount has.
func podmanBind(bind string) string {
	place, options, _ := cutLast(bind, ":")
	if strings.HasPrefix(options, "/") {
		return bind
	}
	left := slices.DeleteFunc(strings.Split(options, ","), func(option string) bool {
		return slices.Contains([]string{"rw", "rprivate", "rbind"}, option)
	})
	if len(left) == 0 {
		return place
	}
	return place + ":" + strings.Join(left, ",")
}

// cutLast cuts around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// podmanUlimits leaves out the two limits that every container has: the machine's, or
// those of containers.conf. Podman does not tell them from one's own.
func podmanUlimits(limits []*container.Ulimit) []*container.Ulimit {
	var own []*container.Ulimit
	for _, limit := range limits {
		limit.Name = strings.ToLower(strings.TrimPrefix(limit.Name, "RLIMIT_"))
		if limit.Name != "nofile" && limit.Name != "nproc" {
			own = append(own, limit)
		}
	}
	return own
}

// granted puts what a container adds to, and drops from, what Podman grants by
// default in place of Podman's own account, which is against a list of its own.
func (e libpod) granted(ctx context.Context, o *original) error {
	own, err := e.container(ctx, o.ID)
	if err != nil {
		return err
	}
	bounding, err := capability.ParseSet(own.BoundingCaps...)
	if err != nil {
		return fmt.Errorf("reading what container %.12s may do: %w", o.ID, err)
	}
	effective, err := capability.ParseSet(own.EffectiveCaps...)
	if err != nil {
		return fmt.Errorf("reading what container %.12s may do: %w", o.ID, err)
	}
	added := bounding.Minus(o.engine.capabilities)
	if effective != bounding {
		// A user other than root holds what was added for it, be it of the default.
		added = added.Union(effective)
	}
	o.HostConfig.CapAdd, o.HostConfig.CapDrop = added.ShortNames(), o.engine.capabilities.Minus(bounding).ShortNames()
	return nil
}
