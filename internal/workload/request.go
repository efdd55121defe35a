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
// HostConfig.ReadonlyRootfs. An option that the engine does not get has none.
type Fields map[string]any

// Request is what docker run sends to the engine for the workload (docker/cli,
// cli/command/container/opts.go), as a tree of JSON objects. Today's privileges are not
// in it: what a container is granted is the search's to say.
func (s Spec) Request(c Client) (map[string]any, error) {
	if err := s.Options.Validate(); err != nil {
		return nil, err
	}
	if err := healthy(s.Options); err != nil {
		return nil, err
	}
	config := map[string]any{"Image": s.Image, "Cmd": s.Command}
	tree := map[string]any{"Config": config}
	for _, option := range s.Options.All() {
		if option.Baseline || option.NoEffect != "" {
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
	if s.Options.Bool("interactive") && !ReadsInput(s.Options) {
		// Standard input stays open, and nothing comes.
		delete(config, "AttachStdin")
		delete(config, "StdinOnce")
	}
	return tree, connect(tree, s.Options)
}

// ReadsInput reports whether the workload is given our standard input. docker run -d -i
// keeps it open and gives nothing.
func ReadsInput(o Options) bool { return o.Bool("interactive") && !o.Bool("detach") }

func (o *Option) fields(values []string, c Client) (Fields, error) {
	if o.Fields != nil {
		return o.Fields(values, c)
	}
	return Fields{o.Field: o.value(values)}, nil
}

// put sets a field. A list goes behind one that is there, and a map into one: --env-file
// and --env, say, fill the same one.
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
	if list, more := elements(before), elements(value); list != nil && more != nil {
		tree[parents[last]] = slices.Concat(list, more)
		return nil
	}
	object, isObject := before.(map[string]any)
	more, areMore := value.(map[string]any)
	if !isObject || !areMore {
		return fmt.Errorf("another option sets %s too", path)
	}
	object = maps.Clone(object)
	maps.Copy(object, more)
	tree[parents[last]] = object
	return nil
}

// elements are those of a list, nil for what is none.
func elements(value any) []any {
	switch list := value.(type) {
	case []any:
		return list
	case []string:
		return anyOf(list)
	}
	return nil
}

// anyOf are values as a list that others may join.
func anyOf[T any](values []T) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}

// anyIn are the values of a map as one that others may join.
func anyIn[T any](values map[string]T) map[string]any {
	all := make(map[string]any, len(values))
	for name, value := range values {
		all[name] = value
	}
	return all
}
