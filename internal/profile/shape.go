package profile

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// strictness is what becomes of fields that a type does not have.
type strictness int

const (
	strict  strictness = iota // they are an error
	lenient                   // they are left out
)

// shapes are types that read and write their JSON themselves, and what it looks like.
var shapes = map[reflect.Type]reflect.Type{
	// Its own decoder knows that it is either of the two.
	reflect.TypeFor[grant.Grant](): reflect.TypeFor[struct {
		Capability *capability.Cap `json:"capability,omitempty"`
		Option     *string         `json:"option,omitempty"`
		Value      *string         `json:"value,omitempty"`
	}](),
	reflect.TypeFor[capability.Set](): reflect.TypeFor[[]string](),
}

// checkShape compares decoded JSON with the Go type that will hold it.
// encoding/json alone is too kind for a promise: it takes a missing field for a
// zero (a cut-off file would then need no capability at all), null for
// anything, keys in any case, and a base64 string for a slice of small numbers.
func (s strictness) checkShape(value any, t reflect.Type, path string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isText(t) {
		return expect[string](value, path, "a string")
	}
	if t == reflect.TypeFor[workload.Options]() {
		return s.checkOptions(value, path)
	}
	if shape, ok := shapes[t]; ok {
		t = shape
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.checkFields(value, t, path)
	case reflect.Slice:
		return s.checkElements(value, t.Elem(), path)
	case reflect.Map:
		object, ok := value.(map[string]any)
		if !ok {
			return mistyped(value, path, "an object")
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if err := s.checkShape(object[key], t.Elem(), join(path, key)); err != nil {
				return err
			}
		}
		return nil
	case reflect.String:
		return expect[string](value, path, "a string")
	case reflect.Bool:
		return expect[bool](value, path, "true or false")
	default:
		return expect[json.Number](value, path, "a number")
	}
}

// checkOptions leaves the options to their own decoder, which knows their table.
func (s strictness) checkOptions(value any, path string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return mistyped(value, path, "an object")
	}
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	var options workload.Options
	if err := json.Unmarshal(data, &options); err != nil {
		return fmt.Errorf("%s.%w", path, err)
	}
	if unknown := options.Unknown(); unknown != nil && s == strict {
		return fmt.Errorf("%s: unknown field", join(path, unknown[0]))
	}
	return nil
}

// isText reports whether the type is written as a JSON string by its own code:
// a capability, a time.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func (s strictness) checkFields(value any, t reflect.Type, path string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return mistyped(value, path, "an object")
	}
	known := make(map[string]bool, t.NumField())
	for _, field := range fieldsOf(t) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		known[name] = true
		child, present := object[name]
		if !present {
			if options == "omitempty" {
				continue
			}
			return fmt.Errorf("%s: missing", join(path, name))
		}
		if err := s.checkShape(child, field.Type, join(path, name)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !known[name] && s == strict {
			return fmt.Errorf("%s: unknown field", join(path, name))
		}
	}
	return nil
}

// fieldsOf are the fields of a struct as encoding/json writes them: those of an
// embedded one stand among the others.
func fieldsOf(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for i := range t.NumField() {
		if field := t.Field(i); field.Anonymous {
			fields = append(fields, fieldsOf(field.Type)...)
		} else {
			fields = append(fields, field)
		}
	}
	return fields
}

func (s strictness) checkElements(value any, element reflect.Type, path string) error {
	array, ok := value.([]any)
	if !ok {
		return mistyped(value, path, "an array")
	}
	for i, item := range array {
		if err := s.checkShape(item, element, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func expect[T any](value any, path, want string) error {
	if _, ok := value.(T); !ok {
		return mistyped(value, path, want)
	}
	return nil
}

func mistyped(value any, path, want string) error {
	return fmt.Errorf("%s: %s where %s belongs", path, kindOf(value), want)
}

// join names a place as jq would: capabilities.required. A key out of the file
// is made printable, since errors end up on terminals.
func join(path, name string) string {
	name = text.Printable(name)
	if path == "" {
		return name
	}
	return path + "." + name
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}
