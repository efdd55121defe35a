// Package profiles carries the JSON Schema of the profile document, for programs
// in other languages that read it and for the tests that keep it true.
package profiles

import _ "embed"

// SchemaV1 is the schema of schemaVersion 1, JSON Schema draft 2020-12.
//
//go:embed schema-v1.json
var SchemaV1 []byte
