package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Setting is one option with one value, as it is given to docker run.
type Setting struct {
	// Name is the option without its dashes: "device".
	Name  string `json:"option"`
	Value string `json:"value"`
}

// String is the option as it stands on a command line, for people.
func (s Setting) String() string { return "--" + s.Name + " " + s.Value }

// Options are the options of docker run that were given. The zero value has none. No
// method changes what it is called on.
type Options struct {
	// values are as the user gave them, by the option's name; a Flag's is "true".
	values map[string][]string
	// unknown are the names in a profile that this capprof does not know.
	unknown []string
}

// Values are those of an option that count, in their order: none when it was not given,
// one for a Text, and the last of each key for a List.
func (o Options) Values(name string) []string {
	option, given := Find(name), o.values[name]
	if option == nil || option.Kind != List {
		return slices.Clone(given[max(0, len(given)-1):])
	}
	var kept []string
	seen := map[string]bool{}
	for _, value := range slices.Backward(given) {
		if key := option.KeyOf(value); !seen[key] {
			seen[key] = true
			kept = append(kept, value)
		}
	}
	slices.Reverse(kept)
	return kept
}

// Value is the one value of an option, the last one that was given; "" for none.
func (o Options) Value(name string) string {
	given := o.values[name]
	if len(given) == 0 {
		return ""
	}
	return given[len(given)-1]
}

// Bool reports whether a Flag is on.
func (o Options) Bool(name string) bool { return len(o.values[name]) > 0 }

// Set replaces what was given for an option. No values take it away, as false does for a
// Flag, and "" for a Text that does not keep it.
func (o Options) Set(name string, values ...string) Options {
	option := Find(name)
	if option == nil {
		// Names come out of the table, not from the user.
		panic(fmt.Sprintf("docker run has an option --%s that the table lacks", name))
	}
	values = slices.Clone(values)
	switch {
	case option.Kind == Flag && len(values) > 0:
		if on, err := strconv.ParseBool(values[len(values)-1]); err != nil || !on {
			values = nil
		} else {
			values = []string{"true"}
		}
	case option.OrText:
		values = slices.DeleteFunc(values, func(value string) bool { return value == "" })
	case option.Kind == Text && !option.KeepsEmpty && len(values) > 0 && values[len(values)-1] == "":
		values = nil
	}
	o.values = maps.Clone(o.values)
	if len(values) == 0 {
		delete(o.values, name)
	} else {
		if o.values == nil {
			o.values = map[string][]string{}
		}
		o.values[name] = values
	}
	if len(o.values) == 0 {
		o.values = nil
	}
	return o
}

// Validate says why docker run would not take the setting, or this capprof does not.
func (s Setting) Validate() error {
	option := Find(s.Name)
	if option == nil {
		return fmt.Errorf("unknown option %q", s.Name)
	}
	if err := option.Validate(s.Value); err != nil {
		return fmt.Errorf("--%s %q: %w", s.Name, s.Value, err)
	}
	return nil
}

// With adds settings. An option that takes one value replaces it: the last one counts,
// as for docker run. Settings may come out of a profile: those that this capprof does
// not know are among the Unknown.
func (o Options) With(settings ...Setting) Options {
	for _, s := range settings {
		if Find(s.Name) == nil {
			o.unknown = append(slices.Clip(o.unknown), s.Name)
			continue
		}
		o = o.Set(s.Name, append(slices.Clone(o.values[s.Name]), s.Value)...)
	}
	return o
}

// All are the options that were given, in the order of the table.
func (o Options) All() []*Option {
	return slices.DeleteFunc(slices.Clone(Table), func(option *Option) bool { return len(o.values[option.Name]) == 0 })
}

// Unknown are the options of a profile that a newer capprof wrote and this one does not
// know.
func (o Options) Unknown() []string { return o.unknown }

// WithoutEffect are the options that were given and mean nothing to a profile, in the
// order of the table.
func WithoutEffect(o Options) []*Option {
	return slices.DeleteFunc(o.All(), func(option *Option) bool { return option.NoEffect == "" })
}

// Validate says what is wrong with a value, as it is given on a command line. The error
// is a *Refusal when no value will do.
func (o *Option) Validate(value string) error {
	if o.Refused != "" {
		return &Refusal{o.Name, o.Refused}
	}
	if !utf8.ValidString(value) {
		return errors.New("it is not UTF-8, which a profile and the engine's API cannot hold")
	}
	if o.Kind == Flag {
		if _, err := strconv.ParseBool(value); err != nil {
			return errors.New("neither true nor false")
		}
		return nil
	}
	if value == "" && o.Kind == Text {
		return nil
	}
	return o.check(value)
}

// Validate says which value is wrong and why.
func (o Options) Validate() error {
	for _, option := range o.All() {
		for _, value := range o.values[option.Name] {
			if err := option.Validate(value); err != nil {
				return fmt.Errorf("--%s %q: %w", option.Name, value, err)
			}
		}
	}
	return nil
}

// MarshalJSON writes an object with a field for each option that was given: true, a
// string or an array of strings.
func (o Options) MarshalJSON() ([]byte, error) {
	fields := map[string]any{}
	for _, option := range o.All() {
		given := o.values[option.Name]
		value := option.value(given)
		if option.Kind == Text || option.OrText && len(given) == 1 {
			value = o.Value(option.Name)
		}
		fields[option.JSONName()] = value
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(fields)
	return b.Bytes(), err
}

// UnmarshalJSON reads what MarshalJSON writes. Each value must be one that the option
// takes. An option without an entry in the table is kept by name alone (Unknown): what
// that means is the caller's to say.
func (o *Options) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		return errors.New("not an object of options")
	}
	var read Options
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		i := slices.IndexFunc(Table, func(option *Option) bool { return option.JSONName() == field })
		if i < 0 {
			read.unknown = append(read.unknown, field)
			continue
		}
		values, err := Table[i].decode(fields[field])
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		read = read.Set(Table[i].Name, values...)
	}
	*o = read
	return nil
}

// decode reads an option's values out of a profile, and checks them.
func (o *Option) decode(data json.RawMessage) ([]string, error) {
	var values []string
	switch o.Kind {
	case Flag:
		var on *bool
		if err := json.Unmarshal(data, &on); err != nil || on == nil {
			return nil, errors.New("true or false belongs here")
		}
		values = []string{strconv.FormatBool(*on)}
	case Text:
		var text *string
		if err := json.Unmarshal(data, &text); err != nil || text == nil {
			return nil, errors.New("a string belongs here")
		}
		values = []string{*text}
	case List:
		var one *string
		if o.OrText && json.Unmarshal(data, &one) == nil && one != nil {
			values = []string{*one}
			break
		}
		var list []*string
		if err := json.Unmarshal(data, &list); err != nil || list == nil || slices.Contains(list, nil) {
			return nil, errors.New("an array of strings belongs here")
		}
		for _, value := range list {
			values = append(values, *value)
		}
	}
	for _, value := range values {
		if err := o.Validate(value); err != nil {
			return nil, fmt.Errorf("%q: %w", value, err)
		}
	}
	return values, nil
}
