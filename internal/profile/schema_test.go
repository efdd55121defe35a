package profile_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
	"github.com/capprof/capprof/profiles"
)

var compiledSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(profiles.Schema))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema-v2.json", doc); err != nil {
		return nil, err
	}
	return compiler.Compile("schema-v2.json")
})

func validateSchema(data []byte) error {
	schema, err := compiledSchema()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func TestSchemaTakesWhatIsEncoded(t *testing.T) {
	for name, d := range samples() {
		if err := validateSchema(encode(t, d)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// first is the first requirement of a document.
func first(tree map[string]any) map[string]any {
	return tree["requirements"].([]any)[0].(map[string]any)
}

func TestSchemaRefuses(t *testing.T) {
	for name, change := range map[string]func(tree map[string]any){
		"the old version": func(tree map[string]any) { tree["schemaVersion"] = 1 },
		"no grant":        func(tree map[string]any) { first(tree)["grant"] = map[string]any{} },
		"grant of two": func(tree map[string]any) {
			first(tree)["grant"] = map[string]any{"capability": "CAP_KILL", "option": "device", "value": "/dev/fuse"}
		},
		"proven by none":  func(tree map[string]any) { first(tree)["provenBy"] = 0 },
		"another version": func(tree map[string]any) { tree["schemaVersion"] = "2.3" },
		"unknown verdict": func(tree map[string]any) { tree["verdict"] = "certain" },
		"missing field":   func(tree map[string]any) { delete(tree, "losses") },
		"unknown field":   func(tree map[string]any) { tree["extra"] = true },
		"null array":      func(tree map[string]any) { tree["runs"] = nil },
		"short name":      func(tree map[string]any) { tree["capabilities"].(map[string]any)["required"] = []string{"CHOWN"} },
		"repeated name": func(tree map[string]any) {
			tree["capabilities"].(map[string]any)["required"] = []string{"CAP_KILL", "CAP_KILL"}
		},
		"negative counter":  func(tree map[string]any) { tree["losses"].(map[string]any)["checks"] = -1 },
		"unknown outcome":   func(tree map[string]any) { tree["runs"].([]any)[0].(map[string]any)["outcome"] = "fine" },
		"time without zone": func(tree map[string]any) { tree["meta"].(map[string]any)["created"] = "2026-01-02 03:04" },
	} {
		if err := validateSchema([]byte(edit(t, change))); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

// TestSchemaAndTypesAgree walks the schema and the Go types side by side, so
// that a field added to one and forgotten in the other is found here.
func TestSchemaAndTypesAgree(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(profiles.Schema, &root); err != nil {
		t.Fatal(err)
	}
	compare := &comparison{t: t, root: root, used: map[string]bool{}}
	compare.node(root, reflect.TypeFor[profile.Document](), "document")
	compare.unused()
	// The enumerations are the constants of the package.
	for name, c := range map[string]struct {
		at   []string
		want any
	}{
		"verdict": {[]string{"properties", "verdict"}, profile.Verdicts()},
		"purpose": {[]string{"$defs", "run", "properties", "purpose"}, profile.Purposes()},
		"outcome": {[]string{"$defs", "run", "properties", "outcome"}, profile.Outcomes()},
		"boot":    {[]string{"$defs", "boot"}, scenario.Boots()},
		"step":    {[]string{"$defs", "phase", "properties", "step"}, scenario.Steps()},
		"shownBy": {[]string{"$defs", "failure", "properties", "securityModule", "properties", "shownBy"}, profile.Evidences()},
		"asker":   {[]string{"$defs", "denial", "properties", "asker"}, profile.Askers()},
		"data":    {[]string{"properties", "workload", "properties", "data"}, workload.DataPolicies()},
		"foundBy": {[]string{"$defs", "requirement", "properties", "foundBy"}, []profile.FoundBy{profile.FoundByTrace, profile.FoundByRemoval}},
	} {
		node := root
		for _, step := range c.at {
			node = node[step].(map[string]any)
		}
		if got := fmt.Sprint(node["enum"]); got != fmt.Sprint(c.want) {
			t.Errorf("%s: the schema lists %s, the code %v", name, got, c.want)
		}
	}
}

// grantJSON is how a grant is written: as one of the two.
type grantJSON struct {
	Capability *capability.Cap `json:"capability,omitempty"`
	Option     string          `json:"option,omitempty"`
	Value      string          `json:"value,omitempty"`
}

type comparison struct {
	t    *testing.T
	root map[string]any
	used map[string]bool
}

func (c *comparison) unused() {
	for name := range c.root["$defs"].(map[string]any) {
		if !c.used[name] {
			c.t.Errorf("$defs/%s is used by nothing", name)
		}
	}
}

func (c *comparison) node(node map[string]any, typ reflect.Type, path string) {
	if target, ok := node["$ref"].(string); ok {
		name := strings.TrimPrefix(target, "#/$defs/")
		c.used[name] = true
		node = c.root["$defs"].(map[string]any)[name].(map[string]any)
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if _, constant := node["const"]; constant {
		return
	}
	if typ == reflect.TypeFor[grant.Grant]() {
		typ = reflect.TypeFor[grantJSON]()
	}
	want := jsonType(typ)
	if node["type"] != want {
		c.t.Errorf("%s: the schema says %v, the Go type %s is written as %s", path, node["type"], typ, want)
		return
	}
	switch {
	case typ == reflect.TypeFor[workload.Options]():
		// Their table is not the schema's to repeat.
	case want == "object" && typ.Kind() == reflect.Struct:
		c.fields(node, typ, path)
	case want == "object":
		c.node(node["additionalProperties"].(map[string]any), typ.Elem(), path+".*")
	case want == "array":
		element := reflect.TypeFor[string]()
		if typ.Kind() == reflect.Slice {
			element = typ.Elem()
		}
		c.node(node["items"].(map[string]any), element, path+"[]")
	}
}

func (c *comparison) fields(node map[string]any, typ reflect.Type, path string) {
	properties := node["properties"].(map[string]any)
	var required []string
	if names, some := node["required"].([]any); some {
		for _, name := range names {
			required = append(required, name.(string))
		}
	}
	var fields []string
	for _, field := range reflect.VisibleFields(typ) {
		if field.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields = append(fields, name)
		property, ok := properties[name].(map[string]any)
		if !ok {
			c.t.Errorf("%s.%s: not in the schema", path, name)
			continue
		}
		if slices.Contains(required, name) == (options == "omitempty") {
			c.t.Errorf("%s.%s: required in the schema and omitempty in Go do not fit", path, name)
		}
		if property["description"] == nil && property["$ref"] == nil {
			c.t.Errorf("%s.%s: no description", path, name)
		}
		c.node(property, field.Type, path+"."+name)
	}
	for name := range maps.Keys(properties) {
		if !slices.Contains(fields, name) {
			c.t.Errorf("%s.%s: in the schema and not in %s", path, name, typ)
		}
	}
	if node["additionalProperties"] != false {
		c.t.Errorf("%s: the schema lets unknown fields in", path)
	}
}

func jsonType(typ reflect.Type) string {
	switch {
	case reflect.PointerTo(typ).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "string"
	case typ == reflect.TypeFor[workload.Options]():
		return "object"
	case typ.Implements(reflect.TypeFor[json.Marshaler]()):
		return "array" // capability.Set
	}
	switch typ.Kind() {
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice:
		return "array"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	default:
		return "integer"
	}
}

// The samples stand for real documents in the tests of other packages too.
func TestSamplesHoldWhatTheyPromise(t *testing.T) {
	for name, d := range samples() {
		if err := profile.Validate(d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, verdict := range []profile.Verdict{profile.Proven, profile.Confirmed, profile.Incomplete, profile.Failed} {
		if got := profiletest.Sample(verdict).Verdict; got != verdict {
			t.Errorf("Sample(%s) is %s", verdict, got)
		}
	}
}
