package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// Version is a version of the document: major.minor. A minor version adds optional
// fields, and values of purpose, outcome, foundBy, mechanism and of a remedy's kind. All
// else is a major one.
type Version string

// SchemaVersion is the version of the documents that this code writes.
const SchemaVersion Version = "2.2"

// The parts of SchemaVersion.
const (
	major = 2
	minor = 2
)

// ErrNewer says that a document was written by a later capprof than this one.
var ErrNewer = errors.New("written by a newer capprof")

// version is what a document says of itself.
type version struct{ major, minor int }

// newer says that the document may hold what this code does not know.
func (v version) newer() bool { return v.major > major || v.major == major && v.minor > minor }

var majorMinor = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

// versionOf comes before all else, so that a newer document is called newer and not
// broken. Version 1 was a number, without a minor one.
func versionOf(tree map[string]any) (version, error) {
	value, ok := tree["schemaVersion"]
	if !ok {
		return version{}, errors.New("not a profile: it has no schemaVersion")
	}
	var v version
	switch value := value.(type) {
	case json.Number:
		if value != "1" {
			return version{}, fmt.Errorf("schemaVersion: %s is no version: 1, or text such as %q", value, SchemaVersion)
		}
		v.major = 1
	case string:
		parts := majorMinor.FindStringSubmatch(value)
		if parts == nil {
			return version{}, fmt.Errorf("schemaVersion: %q is no version such as %q", value, SchemaVersion)
		}
		v.major, v.minor = number(parts[1]), number(parts[2])
		if v.major < major {
			return version{}, fmt.Errorf("schemaVersion: there was no version %q", value)
		}
	default:
		return version{}, fmt.Errorf("schemaVersion: %s where a string belongs", kindOf(value))
	}
	if v.major > major {
		return version{}, fmt.Errorf("%w (schema %s); update capprof", ErrNewer, value)
	}
	return v, nil
}

// number of digits. What is too long for an int becomes the greatest one.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
