package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// images are those that the cases run in, made when first asked for.
type images struct {
	engine   *testengine.Engine
	progress io.Writer
	loaded   map[imageName]string
	// services are the images of real services, by name.
	services map[string]string
}

func newImages(engine *testengine.Engine, progress io.Writer) *images {
	return &images{engine: engine, progress: progress, loaded: map[imageName]string{}}
}

// load makes the images that the cases need. Not concurrently.
func (i *images) load(ctx context.Context, names []imageName) error {
	for _, name := range names {
		if i.loaded[name] != "" {
			continue
		}
		reference, err := i.make(ctx, name)
		if err != nil {
			return err
		}
		i.loaded[name] = reference
	}
	return nil
}

func (i *images) make(ctx context.Context, name imageName) (string, error) {
	switch name {
	case debian:
		return debianImage(ctx, i.engine, i.progress)
	case checked:
		// A check that is refused something each time, and comes often.
		return i.scratch(ctx, "checked", false,
			`HEALTHCHECK --interval=200ms --timeout=5s CMD ["/privop", "chown"]`)
	case serving:
		return i.scratch(ctx, "serving", false,
			`HEALTHCHECK --interval=200ms --timeout=5s CMD ["/ops", "raw6", "+", "leave-mark"]`)
	case entered:
		return i.scratch(ctx, "entered", false, "LABEL entered=1")
	case awaiting:
		return i.scratch(ctx, "awaiting", false, "LABEL entered=2")
	case keeping:
		return i.scratch(ctx, "keeping", false, "VOLUME /kept", "EXPOSE 8080")
	case settled:
		return i.scratch(ctx, "settled", true)
	}
	return i.scratch(ctx, "scratch", false)
}

// loadServices makes the images of the services that the cases name.
func (i *images) loadServices(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var err error
	i.services, err = testimage.Services(ctx, i.engine, i.progress, names...)
	return err
}

// of is the image of a case.
func (i *images) of(k testCase) string {
	if k.serves != nil && k.serves.image != "" {
		return i.services[k.serves.image]
	}
	return i.loaded[k.image]
}

// remove removes them.
func (i *images) remove(ctx context.Context) error {
	references := slices.AppendSeq(slices.Collect(maps.Values(i.loaded)), maps.Values(i.services))
	return testimage.Remove(ctx, i.engine, references...)
}

// scratch imports the image of the single operations, or the one in which their
// files have the owners and modes that they need.
func (i *images) scratch(ctx context.Context, name string, settled bool, changes ...string) (string, error) {
	tree, err := testimage.Operations(ctx, settled)
	if err != nil {
		return "", err
	}
	return i.importTree(ctx, name, tree, changes...)
}

// importTree imports a root file system.
func (i *images) importTree(ctx context.Context, name string, tree io.Reader, changes ...string) (string, error) {
	reference := fmt.Sprintf("capprof-truth/%s:p%d", name, os.Getpid())
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "--change", change)
	}
	cmd := i.engine.Command(ctx, append(args, "-", reference)...)
	var complaints strings.Builder
	cmd.Stdin, cmd.Stderr = tree, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("importing %s: %w: %s", reference, err, strings.TrimSpace(complaints.String()))
	}
	return reference, nil
}
