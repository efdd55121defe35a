package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// ErrNewer says that a document was written by a later capprof than this one.
var ErrNewer = errors.New("made by a newer capprof")

// maxSize bounds what Decode reads. A real profile is some ten kilobytes; the
// bound keeps a file that is none from filling the memory.
const maxSize = 32 << 20

// Decode reads a document. It is strict, because a check in CI must not pass on
// a file that it only half understood: a missing, unknown or mistyped field, an
// unknown verdict or a contradiction is an error that names the place. A
// capability number without a name (CAP_41) is kept as it is. A newer schema is
// an error wrapping ErrNewer.
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
	if err := checkVersion(tree); err != nil {
		return nil, err
	}
	spelledOut, err := bringWorkloadForward(tree)
	if err != nil {
		return nil, err
	}
	if bringForward(tree) || spelledOut {
		if data, err = json.Marshal(tree); err != nil {
			return nil, err
		}
	}
	if err := checkShape(tree, reflect.TypeFor[Document](), ""); err != nil {
		return nil, err
	}
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, describe(err)
	}
	Normalize(&d)
	if err := Validate(&d); err != nil {
		return nil, err
	}
	return &d, nil
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

// checkVersion comes before all else, so that a newer document is called newer
// and not broken.
func checkVersion(tree map[string]any) error {
	value, ok := tree["schemaVersion"]
	if !ok {
		return errors.New("not a profile: it has no schemaVersion")
	}
	number, ok := value.(json.Number)
	if !ok {
		return fmt.Errorf("schemaVersion: %s where a number belongs", kindOf(value))
	}
	version, err := number.Int64()
	switch {
	case err != nil && strings.ContainsAny(number.String(), ".eE-"), err == nil && version < 1:
		return fmt.Errorf("schemaVersion: %s is no version", number)
	case err != nil || version > SchemaVersion:
		return fmt.Errorf("%w (schema %s); update capprof", ErrNewer, number)
	}
	return nil
}
