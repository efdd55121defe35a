package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Encode writes the document: indented JSON in the order of the fields, sorted
// as Normalize sorts, with a newline at the end. The caller's document is not
// changed. A document that contradicts itself is refused, since Decode would
// not read it back.
func Encode(w io.Writer, d *Document) error {
	data, err := marshal(d)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("writing profile: %w", err)
	}
	return nil
}

func marshal(d *Document) ([]byte, error) {
	normal := clone(d)
	Normalize(normal)
	if err := Validate(normal); err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	// Paths and arguments hold <, > and &; \u003c helps nobody outside HTML.
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(normal); err != nil {
		return nil, fmt.Errorf("encoding profile: %w", err)
	}
	return buffer.Bytes(), nil
}
