package workload

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Client is the machine that docker run is called on: it reads files and variables
// there, and the engine may be on another one.
type Client struct {
	// LookupEnv is os.LookupEnv, ReadFile os.ReadFile and Abs filepath.Abs.
	LookupEnv func(name string) (string, bool)
	ReadFile  func(path string) ([]byte, error)
	Abs       func(path string) (string, error)
}

// Fields are values by their place in the body of the engine's create request, such as
// HostConfig.ReadonlyRootfs.
type Fields map[string]any

// Request is what docker run sends to the engine for the workload (docker/cli,
// cli/command/container/opts.go), as a tree of JSON objects. Today's privileges are not
// in it: what a container is granted is the search's to say.
func (s Spec) Request(c Client) (map[string]any, error) {
	if err := s.Options.Validate(); err != nil {
		return nil, err
	}
	all := Fields{"Config.Image": s.Image, "Config.Cmd": s.Command}
	for _, option := range s.Options.All() {
		values := s.Options.Values(option.Name)
		switch {
		case option.Baseline:
		case option.Fields != nil:
			fields, err := option.Fields(values, c)
			if err != nil {
				return nil, fmt.Errorf("--%s: %w", option.Name, err)
			}
			maps.Copy(all, fields)
		case option.Field != "":
			all[option.Field] = option.value(values)
		}
	}
	tree := map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		parent, name, _ := strings.Cut(path, ".")
		object, ok := tree[parent].(map[string]any)
		if !ok {
			object = map[string]any{}
			tree[parent] = object
		}
		object[name] = all[path]
	}
	return tree, nil
}
