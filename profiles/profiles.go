// Package profiles carries the JSON Schema of the profile document, for programs
// in other languages that read it and for the tests that keep it true, and the
// recorded profiles of well-known programs.
package profiles

import "embed"

// Schema is the schema of the current schemaVersion, JSON Schema draft 2020-12.
//
//go:embed schema-v2.json
var Schema []byte

// Files are the recorded profiles, one a program, next to the schema.
//
//go:embed *.json
var Files embed.FS
