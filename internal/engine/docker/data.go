package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// Data is what the containers of one run mount in place of what the workload says.
type Data struct {
	engine       *Engine
	replacements []replacement
	// donors are the containers of --volumes-from whose mounts are all replaced.
	donors []string
	// volumes are the names of those that were made.
	volumes []string
}

var _ engine.Data = (*Data)(nil)

// Remove deletes the volumes that were made.
func (d *Data) Remove(ctx context.Context) error {
	var failures []error
	for _, name := range d.volumes {
		failures = append(failures, d.engine.removeVolume(ctx, name))
	}
	return errors.Join(failures...)
}

// Data makes the volumes of one run: in place of anonymous ones, of those that do not
// exist yet, and of those that the policy does not leave to the user.
func (s *Subject) Data(ctx context.Context, o engine.DataOptions) (engine.Data, error) {
	config, host, err := settings(s.spec, 0, s.engine.environ, s.files.read)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	mounts := mountsOf(config, host, s.ofImage)
	d := &Data{engine: s.engine}
	if o.Policy != workload.OwnData {
		for _, donor := range host.VolumesFrom {
			more, err := s.engine.donated(ctx, donor)
			if err != nil {
				return nil, err
			}
			for _, m := range more {
				if !covered(mounts, host, m.target) {
					mounts = append(mounts, m)
				}
			}
			d.donors = append(d.donors, donor)
		}
	}
	if err := (&substitution{Data: d, options: o, mounts: mounts, made: map[string]string{}}).run(ctx); err != nil {
		// What was made is in nobody's hands.
		lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), volumeTime)
		defer stop()
		return nil, errors.Join(err, d.Remove(lasting))
	}
	return d, nil
}

// donated are the mounts of the container that --volumes-from names.
func (e *Engine) donated(ctx context.Context, donor string) ([]mounted, error) {
	doing := fmt.Sprintf("inspecting the container of --volumes-from %s", donor)
	found, err := look(ctx, e, doing, func(ctx context.Context) (container.InspectResponse, error) {
		return e.api.ContainerInspect(ctx, donorName(donor))
	})
	if err != nil {
		return nil, e.failed(doing, err)
	}
	return donated(donor, found.Mounts), nil
}

// substitution finds out what stands in for the mounts of one run.
type substitution struct {
	*Data
	options engine.DataOptions
	mounts  []mounted
	// made are the sources that have a replacement, by kind and source.
	made map[string]string
}

func (s *substitution) run(ctx context.Context) error {
	for _, m := range s.mounts {
		key := string(m.kind) + " " + m.source
		instead, known := s.made[key]
		if !known || m.source == "" {
			var err error
			if m.kind == mount.TypeVolume {
				instead, err = s.volume(ctx, m)
			} else {
				instead, err = s.directory(ctx, m)
			}
			if err != nil {
				return err
			}
			s.made[key] = instead
		}
		switch {
		case instead != "":
			s.replacements = append(s.replacements, replacement{m, instead})
		case m.from != "":
			// What else its container hands on is replaced, so that this is asked for
			// like the workload's own.
			s.replacements = append(s.replacements, replacement{m, m.source})
		}
	}
	return nil
}

// volume is what stands in for a volume; "" for the volume itself.
func (s *substitution) volume(ctx context.Context, m mounted) (instead string, err error) {
	driver, options, exists := m.driver, m.options, false
	if m.source != "" {
		found, there, err := s.engine.findVolume(ctx, m.source)
		if err != nil {
			return "", err
		}
		if exists = there; exists {
			driver, options = found.Driver, found.Options
		}
	}
	why := elsewhere(driver, options)
	own := s.options.Policy == workload.OwnData
	switch {
	case own && (exists || why != ""), exists && !s.writes(m):
		return "", nil
	case why != "":
		return "", refused(m, "cannot be made anew for each run, since "+why)
	case exists && m.subpath != "" && s.options.Policy != workload.CopiedData:
		return "", refused(m, fmt.Sprintf("cannot be made anew for each run, since a new one does not have the directory %q in it", m.subpath))
	case exists && s.options.Policy == workload.CopiedData:
		return "", refused(m, "cannot be copied")
	}
	return s.makeVolume(ctx, options)
}

// makeVolume makes a volume that is removed with the data, and returns its name.
func (s *substitution) makeVolume(ctx context.Context, options map[string]string) (string, error) {
	made, err := s.engine.makeVolume(ctx, options)
	if err != nil {
		return "", err
	}
	s.volumes = append(s.volumes, made.Name)
	return made.Name, nil
}

// directory is what stands in for a directory or file of the host; "" for itself.
func (s *substitution) directory(_ context.Context, m mounted) (instead string, err error) {
	if s.options.Policy == workload.CopiedData && s.writes(m) {
		return "", refused(m, "cannot be copied")
	}
	return "", nil
}

// writes reports whether a run can write to what a mount shows.
func (s *substitution) writes(m mounted) bool {
	for _, other := range s.mounts {
		if other.kind == m.kind && other.source == m.source && !other.readOnly {
			return true
		}
	}
	return false
}

// refused says why a policy cannot be had for a mount.
func refused(m mounted, why string) error {
	what := "the volume " + m.source
	switch {
	case m.kind == mount.TypeBind:
		what = m.source
	case m.source == "":
		what = "the anonymous volume at " + m.target
	}
	return fmt.Errorf("%w: %s %s; --volumes own takes the user's own, one run at a time", engine.ErrBadWorkload, what, why)
}
