package profile

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
