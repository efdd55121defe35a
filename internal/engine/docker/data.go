package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

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
		failures = append(failures, volumes{d.engine}.remove(ctx, name))
	}
	return errors.Join(failures...)
}

// Data makes the volumes of one run: in place of anonymous ones, of those that do not
// exist yet, and of those that the policy does not leave to the user.
func (s *Subject) Data(ctx context.Context, o engine.DataOptions) (engine.Data, error) {
	config, host, err := settings(s.spec, 0, s.engine.environ, s.files.Read)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	mounts, err := s.mounts(ctx, config, host)
	if err != nil {
		return nil, err
	}
	d := &Data{engine: s.engine, donors: host.VolumesFrom}
	if o.Policy == workload.OwnData {
		// Of other containers it is their own, as the request has it already.
		d.donors = nil
		mounts = slices.DeleteFunc(mounts, func(m mounted) bool { return m.from != "" })
	}
	if err := (&substitution{Data: d, options: o, mounts: mounts, made: map[string]string{}, trees: map[string]string{}}).run(ctx); err != nil {
		// What was made is in nobody's hands.
		lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), volumeTime)
		defer stop()
		return nil, errors.Join(err, d.Remove(lasting))
	}
	return d, nil
}

// mounts are all those of a create request but for what each container has anew. What
// another container hands on goes over the volumes that have no source, and under what
// the workload mounts itself (moby daemon/volumes.go, registerMountPoints).
func (s *Subject) mounts(ctx context.Context, config *container.Config, host *container.HostConfig) ([]mounted, error) {
	mounts := mountsOf(config, host, s.ofImage)
	for _, donor := range host.VolumesFrom {
		donated, err := volumes{s.engine}.donated(ctx, donor)
		if err != nil {
			return nil, err
		}
		for _, m := range donated {
			mounts = slices.DeleteFunc(mounts, func(under mounted) bool { return under.target == m.target && under.bind != "" })
			if !covered(mounts, host, m.target) {
				mounts = append(mounts, m)
			}
		}
	}
	return mounts, nil
}

// donated are the mounts of the container that --volumes-from names.
func (e volumes) donated(ctx context.Context, donor string) ([]mounted, error) {
	doing := fmt.Sprintf("inspecting the container of --volumes-from %s", donor)
	found, err := look(ctx, e.Engine, doing, func(ctx context.Context) (container.InspectResponse, error) {
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
	// made is what stands in for a source, by kind and source, and trees for a copied
	// directory of the host, since another mount may be of what is in it.
	made, trees map[string]string
	// copied is how many bytes were copied.
	copied int64
}

func (s *substitution) run(ctx context.Context) error {
	// A directory before what is in it.
	slices.SortStableFunc(s.mounts, func(a, b mounted) int { return cmp.Compare(len(a.source), len(b.source)) })
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
	found := volume.Volume{Driver: m.driver, Options: m.options}
	exists := false
	if m.source != "" {
		there, ok, err := volumes{s.engine}.find(ctx, m.source)
		if err != nil {
			return "", err
		}
		if exists = ok; exists {
			found = there
		}
	}
	why := elsewhere(found.Driver, found.Options)
	own, copied := s.options.Policy == workload.OwnData, s.options.Policy == workload.CopiedData
	switch {
	case own && (exists || why != ""), exists && !s.writes(m):
		return "", nil
	case why != "":
		return "", refused(m, "cannot be made anew for each run: "+why)
	case exists && m.subpath != "" && !copied:
		return "", refused(m, fmt.Sprintf("cannot be made anew for each run: a new one does not have the directory %q in it", m.subpath))
	case exists && copied && found.Options["type"] != "":
		return "", refused(m, "cannot be copied: it is a tmpfs, which is there while a container uses it")
	}
	made, err := s.makeVolume(ctx, found.Options)
	if err == nil && exists && copied {
		err = s.copyInto(ctx, m, found.Mountpoint, made, "")
	}
	return made.Name, err
}

// makeVolume makes a volume that is removed with the data.
func (s *substitution) makeVolume(ctx context.Context, options map[string]string) (volume.Volume, error) {
	made, err := volumes{s.engine}.make(ctx, options)
	if err == nil {
		s.volumes = append(s.volumes, made.Name)
	}
	return made, err
}

// directory is what stands in for a directory or a file of the host; "" for itself. It is
// the directory of a volume, and mounted as a directory: what a volume's mount does beyond
// that, such as filling it from the image, a directory's does not.
func (s *substitution) directory(ctx context.Context, m mounted) (instead string, err error) {
	if m.makesSource {
		gone, err := tree{s.engine}.missing(ctx, m.source)
		if err != nil {
			return "", err
		}
		if gone {
			// The engine would make one on the host, and it would stay there.
			made, err := s.makeVolume(ctx, nil)
			return made.Mountpoint, err
		}
	}
	if s.options.Policy != workload.CopiedData || !s.writes(m) {
		return "", nil
	}
	if why, err := (tree{s.engine}).elsewhere(ctx, m.source); err != nil {
		return "", err
	} else if why != "" {
		return "", refused(m, "cannot be copied: "+why)
	}
	source, err := filepath.EvalSymlinks(m.source)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // for the engine to refuse
	}
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", m.source, err)
	}
	for known, at := range s.trees {
		if rel, err := filepath.Rel(known, source); err == nil && filepath.IsLocal(rel) {
			return filepath.Join(at, rel), nil
		}
	}
	info, err := os.Stat(source)
	if err != nil {
		return "", fmt.Errorf("looking at %s: %w", m.source, err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		// A socket, a device: its meaning is what is behind it.
		fmt.Fprintf(s.options.Progress, "%s is neither a file nor a directory: each run has your own\n", m.source)
		return "", nil
	}
	name := ""
	if !info.IsDir() {
		name = filepath.Base(source)
	}
	made, err := s.makeVolume(ctx, nil)
	if err != nil {
		return "", err
	}
	instead = filepath.Join(made.Mountpoint, name)
	if err := s.copyInto(ctx, m, source, made, name); err != nil {
		return "", err
	}
	s.trees[source] = instead
	return instead, nil
}

// writes reports whether a run can write to what a mount shows.
func (s *substitution) writes(m mounted) bool {
	return slices.ContainsFunc(s.mounts, func(other mounted) bool {
		return other.kind == m.kind && other.source == m.source && !other.readOnly
	})
}

// refused says why a policy cannot be had for a mount.
func refused(m mounted, why string) error {
	return fmt.Errorf("%w: %s %s; --volumes own takes the user's own, one run at a time", engine.ErrBadWorkload, m, why)
}
