package profile

import (
	"encoding/json"
	"reflect"

	"github.com/capprof/capprof/internal/workload"
)

// bringForward turns the sentences that denials and failures had as their cure
// into remedies, and reports whether there were any.
func bringForward(value any) (changed bool) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			changed = bringForward(element) || changed
		}
	case map[string]any:
		for _, child := range v {
			changed = bringForward(child) || changed
		}
		_, refusal := v["errno"]
		if _, typed := v["remedies"]; !refusal || typed {
			return changed
		}
		remedies := []any{}
		if words, ok := v["cure"].(string); ok {
			if words != "" {
				remedies = append(remedies, map[string]any{"kind": "text", "text": words})
			}
			delete(v, "cure")
		}
		v["remedies"] = remedies
		return true
	}
	return changed
}

// bringWorkloadForward turns a workload whose options are spelled out into one with the
// options of docker run, and reports whether it was one.
func bringWorkloadForward(tree map[string]any) (changed bool, err error) {
	old, ok := tree["workload"].(map[string]any)
	if _, today := old["options"]; !ok || today {
		return false, nil
	}
	forward := map[string]any{}
	for _, name := range []string{"image", "expectExit"} {
		if value, given := old[name]; given {
			forward[name] = value
			delete(old, name)
		}
	}
	if err := checkShape(old, reflect.TypeFor[workload.V1](), "workload"); err != nil {
		return false, err
	}
	var v1 workload.V1
	data, err := json.Marshal(old)
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, &v1); err != nil {
		return false, describe(err)
	}
	command, options := v1.Forward()
	if data, err = json.Marshal(map[string]any{"command": command, "options": options}); err != nil {
		return false, err
	}
	tree["workload"] = forward
	return true, json.Unmarshal(data, &forward)
}
