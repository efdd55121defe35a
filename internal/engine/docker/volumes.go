package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/volume"
)

// volumeName is the name of the nth volume of a session. It tells capprof's own, with
// the labels.
func volumeName(session string, n uint64) string {
	return fmt.Sprintf("capprof-%s-volume-%d", session, n)
}

// isOwnVolume reports whether a volume of a session has the name that make gave it.
func isOwnVolume(name, session string) bool {
	number, ok := strings.CutPrefix(name, "capprof-"+session+"-volume-")
	return ok && session != "" && isNumber(number)
}

// volumes are those of an engine.
type volumes struct{ *Engine }

// make makes a volume of capprof's own.
func (e volumes) make(ctx context.Context, options map[string]string) (volume.Volume, error) {
	lasting, stop := outlive(ctx)
	defer stop()
	made, err := ask(lasting, e.Engine, e.patience.work, "creating a volume", func(ctx context.Context) (volume.Volume, error) {
		return e.api.VolumeCreate(ctx, volume.CreateOptions{
			Name: volumeName(e.session, e.counter.Add(1)), DriverOpts: options,
			Labels: map[string]string{sessionLabel: e.session, ownerLabel: e.owner.String()},
		})
	}, func(late volume.Volume) {
		// Nobody knows of it any more.
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer stop()
		_ = e.remove(ctx, late.Name)
	})
	if err != nil {
		return made, e.failed("creating a volume", err)
	}
	e.log.Debug("created", "volume", made.Name, "at", made.Mountpoint)
	return made, nil
}

// remove deletes a volume; one that is gone is fine.
func (e volumes) remove(ctx context.Context, name string) error {
	doing := "removing volume " + name
	err := work(ctx, e.Engine, doing, func(ctx context.Context) error { return e.api.VolumeRemove(ctx, name, false) })
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return e.failed(doing, err)
}

// find looks a volume up; false where there is none of the name.
func (e volumes) find(ctx context.Context, name string) (volume.Volume, bool, error) {
	doing := fmt.Sprintf("inspecting the volume %q", name)
	found, err := look(ctx, e.Engine, doing, func(ctx context.Context) (volume.Volume, error) { return e.api.VolumeInspect(ctx, name) })
	switch {
	case errdefs.IsNotFound(err):
		return found, false, nil
	case err != nil:
		return found, false, e.failed(doing, err)
	}
	return found, true, nil
}

// elsewhere says why the data of a volume is not in the engine's own directory, as far as
// its driver and the driver's options tell; "" where it is. A tmpfs has none before it is
// mounted. The options are those of moby volume/local.
func elsewhere(driver string, options map[string]string) string {
	switch {
	case driver != "" && driver != "local":
		return "it is of the driver " + driver
	case options["type"] == "tmpfs":
		return ""
	case options["device"] != "":
		return "it is a mount of " + options["device"]
	case options["type"] != "":
		return "it is a mount of type " + options["type"]
	}
	return ""
}

// volumeTime bounds the removal of volumes after an error.
const volumeTime = 30 * time.Second
