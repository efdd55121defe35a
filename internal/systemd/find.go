package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// directoriesOfUnits are where units are looked for, the first one wins (systemd.unit(5)).
var directoriesOfUnits = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
}

// Read reads an installed service with its drop-ins, by its name, .service or not.
func Read(name string) (*Service, error) { return readIn(name, directoriesOfUnits) }

func readIn(name string, directories []string) (*Service, error) {
	if !strings.HasSuffix(name, ".service") {
		if kind := filepath.Ext(name); slices.Contains([]string{".socket", ".timer", ".target", ".mount", ".path", ".slice", ".scope", ".device", ".swap", ".automount"}, kind) {
			return nil, fmt.Errorf("a %s runs nothing by itself: name a service", strings.TrimPrefix(kind, "."))
		}
		name += ".service"
	}
	if strings.ContainsRune(name, '/') {
		return nil, errors.New("a unit is named without its directory")
	}
	names := []string{name}
	if prefix, _, isInstance := strings.Cut(name, "@"); isInstance {
		if strings.HasSuffix(name, "@.service") {
			return nil, fmt.Errorf("%s is a template: name an instance, such as %s@NAME.service", name, prefix)
		}
		names = append(names, prefix+"@.service")
	}
	text, at, err := findFile(names, directories)
	if err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(at); err == nil && (target == os.DevNull || text == "") {
		return nil, fmt.Errorf("%s is masked", name)
	}
	texts := []string{text}
	drops, err := dropIns(names, directories)
	if err != nil {
		return nil, err
	}
	return Parse(name, append(texts, drops...)...)
}

// findFile is the text of the first file that there is.
func findFile(names, directories []string) (text, at string, err error) {
	for _, name := range names {
		for _, dir := range directories {
			at := filepath.Join(dir, name)
			text, err := os.ReadFile(at)
			if err == nil {
				return string(text), at, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", "", err
			}
		}
	}
	return "", "", fmt.Errorf("there is no %s in %s", names[0], strings.Join(directories, ", "))
}

// dropIns are the texts of the drop-ins, in the order of their names; of those with one
// name, the one of the first directory counts.
func dropIns(names, directories []string) ([]string, error) {
	byName := map[string]string{}
	var order []string
	for _, name := range append(slices.Clone(names), "service") {
		for _, dir := range directories {
			found, err := filepath.Glob(filepath.Join(dir, name+".d", "*.conf"))
			if err != nil {
				return nil, err
			}
			for _, file := range found {
				if base := filepath.Base(file); byName[base] == "" {
					byName[base] = file
					order = append(order, base)
				}
			}
		}
	}
	slices.Sort(order)
	var texts []string
	for _, base := range order {
		text, err := os.ReadFile(byName[base])
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// ParseEnvironmentFile reads the assignments of an EnvironmentFile=: lines of NAME=VALUE,
// comments with # or ; at their beginning, and values in quotes.
func ParseEnvironmentFile(text string) []string {
	var all []string
	text = strings.ReplaceAll(text, "\\\n", "")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || !isName(strings.TrimSpace(name)) {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			if quote := value[0]; quote == '"' {
				value = strings.NewReplacer(`\"`, `"`, `\\`, `\`, "\\$", "$", "\\`", "`").Replace(value[1 : n-1])
			} else {
				value = value[1 : n-1]
			}
		}
		all = append(all, strings.TrimSpace(name)+"="+value)
	}
	return all
}
