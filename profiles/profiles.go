// Package profiles carries the JSON Schema of the profile document, for programs
// in other languages that read it and for the tests that keep it true.
package profiles

import _ "embed"

// Schema is the schema of the current schemaVersion, JSON Schema draft 2020-12.
//
//go:embed schema-v2.json
var Schema []byte
