package export

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// plainSafe matches the strings that mean themselves in YAML 1.1 and 1.2 alike,
// the words below aside. All others are put into double quotes: parsers differ
// on what yes, 1e3, 12:30 or = stand for (docker-compose 1 reads YAML 1.1, its
// successor 1.2).
var plainSafe = regexp.MustCompile(`^[A-Za-z/](?:[A-Za-z0-9_./:@+-]*[A-Za-z0-9_/])?$`)

// words are the booleans and nulls of YAML 1.1, in lower case.
var words = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

func scalar(s string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !plainSafe.MatchString(s) || slices.Contains(words, strings.ToLower(s)) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

func boolean(value bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(value)}
}

func integer(value int64) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(value)}
}

func list(values []string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, value := range values {
		node.Content = append(node.Content, scalar(value))
	}
	return node
}

// mapping keeps its keys in the order in which they are added: image first, as
// people write it.
type mapping struct{ node yaml.Node }

func (m *mapping) add(key string, value *yaml.Node) {
	m.node.Kind, m.node.Tag = yaml.MappingNode, "!!map"
	m.node.Content = append(m.node.Content, scalar(key), value)
}

func (m *mapping) addList(key string, values []string) {
	if len(values) > 0 {
		m.add(key, list(values))
	}
}

func (m *mapping) addText(key, value string) {
	if value != "" {
		m.add(key, scalar(value))
	}
}

func (m *mapping) encode() (string, error) {
	var b strings.Builder
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&m.node); err != nil {
		// Such as bytes that are not UTF-8, which YAML cannot carry.
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	return visible(b.String()), nil
}

// visible escapes what reorders or hides text, which YAML takes as it is. Strings that
// hold any of it are in double quotes (plainSafe is ASCII), where an escape means the
// same.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	return b.String()
}
