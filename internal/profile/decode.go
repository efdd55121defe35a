package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	v1 "github.com/capprof/capprof/internal/profile/v1"
)

// maxSize bounds what Decode reads. A real profile is some ten kilobytes; the
// bound keeps a file that is none from filling the memory.
const maxSize = 32 << 20

// Decode reads a document. It is strict, because a check in CI must not pass on
// a file that it only half understood: a missing, unknown or mistyped field, an
// unknown verdict or a contradiction is an error that names the place. A
// capability number without a name (CAP_41) is kept as it is.
//
// Of a newer minor version what this code does not know is left out. A newer major
// version is an error wrapping ErrNewer. Version 1 is brought forward.
func Decode(r io.Reader) (*Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("larger than %d MiB, which no profile is", maxSize>>20)
	}
	tree, err := parse(data)
	if err != nil {
		return nil, err
	}
	v, err := versionOf(tree)
	if err != nil {
		return nil, err
	}
	d, err := decode(v, tree, data)
	if err != nil && v.newer() {
		return nil, fmt.Errorf("%w (it was %w, schema %d.%d; update capprof)", err, ErrNewer, v.major, v.minor)
	}
	return d, err
}

func decode(v version, tree map[string]any, data []byte) (*Document, error) {
	var d *Document
	if v.major == v1.Version {
		old := &v1.Document{}
		if err := unmarshal(tree, data, old, strict); err != nil {
			return nil, err
		}
		d = bringForward(old)
	} else {
		d = &Document{}
		known := strict
		if v.newer() {
			known = lenient
		}
		if err := unmarshal(tree, data, d, known); err != nil {
			return nil, err
		}
		// What it held beyond that is gone.
		d.SchemaVersion = SchemaVersion
	}
	Normalize(d)
	if err := validate(d, v.newer()); err != nil {
		return nil, err
	}
	return d, nil
}

// unmarshal fills a pointer to a document, once the file has that document's shape.
func unmarshal(tree map[string]any, data []byte, document any, s strictness) error {
	if err := s.checkShape(tree, reflect.TypeOf(document), ""); err != nil {
		return err
	}
	if err := json.Unmarshal(data, document); err != nil {
		return describe(err)
	}
	return nil
}

// parse reads the file as JSON of no particular shape.
func parse(data []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	// Numbers stay text: a float64 would round the counters.
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the file ends in the middle, after %d bytes", len(data))
		}
		return nil, describe(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("there is more after the document's end, at byte %d", decoder.InputOffset())
	}
	tree, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not a profile: it holds %s, not an object", kindOf(value))
	}
	return tree, nil
}

// describe says where in the file the JSON is broken.
func describe(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON at byte %d: %w", syntax.Offset, err)
	}
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: %s does not fit", mistyped.Field, mistyped.Value)
	}
	return err
}
