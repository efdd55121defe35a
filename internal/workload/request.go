package workload

import (
	"fmt"
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
// HostConfig.ReadonlyRootfs. An option that the engine does not get has none.
type Fields map[string]any

// Request is what docker run sends to the engine for the workload (docker/cli,
// cli/command/container/opts.go), as a tree of JSON objects. Today's privileges are not
// in it: what a container is granted is the search's to say.
func (s Spec) Request(c Client) (map[string]any, error) {
	if err := s.Options.Validate(); err != nil {
		return nil, err
	}
	tree := map[string]any{"Config": map[string]any{"Image": s.Image, "Cmd": s.Command}}
	for _, option := range s.Options.All() {
		if option.Baseline {
			continue
		}
		fields, err := option.fields(s.Options.Values(option.Name), c)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", option.Name, err)
		}
		for path, value := range fields {
			if err := put(tree, path, value); err != nil {
				return nil, fmt.Errorf("--%s: %w", option.Name, err)
			}
		}
	}
	return tree, nil
}

func (o *Option) fields(values []string, c Client) (Fields, error) {
	if o.Fields != nil {
		return o.Fields(values, c)
	}
	return Fields{o.Field: o.value(values)}, nil
}

// put sets a field. A list goes behind one that is there: --env-file and --env, say,
// fill the same one.
func put(tree map[string]any, path string, value any) error {
	parents := strings.Split(path, ".")
	last := len(parents) - 1
	for _, name := range parents[:last] {
		object, ok := tree[name].(map[string]any)
		if !ok {
			object = map[string]any{}
			tree[name] = object
		}
		tree = object
	}
	before, taken := tree[parents[last]]
	if !taken {
		tree[parents[last]] = value
		return nil
	}
	list, isList := before.([]string)
	more, areMore := value.([]string)
	if !isList || !areMore {
		return fmt.Errorf("another option sets %s too", path)
	}
	tree[parents[last]] = slices.Concat(list, more)
	return nil
}
