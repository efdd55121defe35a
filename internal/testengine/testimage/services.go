package testimage

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"

	"github.com/capprof/capprof/internal/testengine"
)

// serviceFiles are the services, a directory each: image.json is the configuration as an
// image has it, and root holds the files that it adds to the root file system that all
// of them share, which is base's.
//
//go:embed services
var serviceFiles embed.FS

const (
	serviceDir = "services"
	baseDir    = "base"
)

// ServiceNames are the long-running programs that Services makes images of, sorted.
func ServiceNames() []string {
	entries, err := serviceFiles.ReadDir(serviceDir)
	if err != nil {
		panic(err) // the directory is part of the program
	}
	var names []string
	for _, entry := range entries {
		if entry.Name() != baseDir {
			names = append(names, entry.Name())
		}
	}
	return names
}

// Services makes images of programs as their official images are: entrypoint, VOLUME,
// EXPOSE, STOPSIGNAL and HEALTHCHECK. It returns their references by name. The first
// use on a machine builds the root file system that they share.
func Services(ctx context.Context, e *testengine.Engine, progress io.Writer, names ...string) (map[string]string, error) {
	files, err := fs.Sub(serviceFiles, serviceDir+"/"+baseDir)
	if err != nil {
		return nil, fmt.Errorf("finding the recipe of the services: %w", err)
	}
	base := Recipe{Name: "services", Files: files, Dir: ".", KeepRun: true, Takes: "a few minutes"}
	tree, err := base.tree(ctx, progress)
	if err != nil {
		return nil, err
	}
	references := map[string]string{}
	var images []archived
	for _, name := range names {
		image, err := service(name)
		if err != nil {
			return nil, fmt.Errorf("reading the service %s: %w", name, err)
		}
		images = append(images, image)
		references[name] = image.reference
	}
	return references, load(ctx, e, tree, images)
}
