// Package systemd reads services of systemd as far as they say what runs, as whom and how
// it is started and stopped.
package systemd

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/unit"

	"github.com/capprof/capprof/internal/capability"
)

// Service is a service unit. What it does not say is the zero value.
type Service struct {
	// Name is that of the unit, such as ssh.service.
	Name string
	// Type is simple for what is like it, or notify, forking or oneshot.
	Type string
	// Before are the commands of ExecStartPre=, Start is that of ExecStart=.
	Before []Command
	Start  Command
	// Environment are NAME=VALUE; Files are read when the service starts.
	Environment []string
	Files       []EnvironmentFile
	User, Group string
	Groups      []string
	// Directory is absolute, or "~" for the user's home; one that is missing does not matter
	// with DirectoryOptional.
	Directory         string
	DirectoryOptional bool
	// Umask is nil where systemd's own, 0022, holds.
	Umask           *int
	NoNewPrivileges bool
	OOMScoreAdj     *int
	Limits          []Limit
	// Owned are the directories that systemd makes for the user.
	Owned []OwnedDirectory
	// PIDFile names the main process of a forking service.
	PIDFile    string
	StopSignal syscall.Signal
	// StopTimeout is nil where the unit says nothing, and negative for ever.
	StopTimeout *time.Duration
	// SignalsMain says that a stop signal goes to the main process alone.
	SignalsMain bool
	// Bounding is CapabilityBoundingSet=, nil where the unit says nothing; Ambient is
	// AmbientCapabilities=.
	Bounding *capability.Set
	Ambient  capability.Set
	// NotApplied are directives that change what a process may do, and that whoever reads
	// this cannot apply, sorted.
	NotApplied []string
}

// Command is what a service executes.
type Command struct {
	Argv []string
	// MayFail says that it does not matter how it ends.
	MayFail bool
	// Full says that it runs as root with all capabilities, whatever the unit says.
	Full bool
}

// EnvironmentFile is one of EnvironmentFile=.
type EnvironmentFile struct {
	Path     string
	Optional bool
}

// Limit is one of setrlimit(2).
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// OwnedDirectory is one that systemd makes before the start, and whose path is in an
// environment variable.
type OwnedDirectory struct {
	Path, Variable string
	Mode           uint32
}

// Parse reads the texts of a unit, its own file first and then its drop-ins.
func Parse(name string, texts ...string) (*Service, error) {
	r := &reader{Service: Service{Name: name, Type: "simple", StopSignal: syscall.SIGTERM}, modes: map[string]uint32{}, specifiers: specifiersOf(name)}
	for _, text := range texts {
		options, err := unit.DeserializeOptions(strings.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("reading the unit: %w", err)
		}
		for _, o := range options {
			if o.Section != "Service" {
				continue
			}
			// A line goes on behind a backslash, which is a blank then.
			if err := r.read(o.Name, strings.ReplaceAll(o.Value, "\\\n", " ")); err != nil {
				return nil, fmt.Errorf("%s=%s: %w", o.Name, o.Value, err)
			}
		}
	}
	return r.finish()
}

// reader reads directives in their order.
type reader struct {
	Service
	specifiers map[byte]string
	starts     []string
	before     []string
	// directories are those of each directive, modes theirs.
	directories []directories
	modes       map[string]uint32
}

type directories struct {
	directive string
	names     []string
}

// read reads one directive. An empty value takes back what a list has so far.
func (r *reader) read(name, value string) error {
	if refused[name] != "" && truthy(value) {
		return errors.New(refused[name])
	}
	if read, known := directives[name]; known {
		return read(r, value)
	}
	if restricts(name) && value != "" && value != "no" && value != "false" && !slices.Contains(r.NotApplied, name) {
		r.NotApplied = append(r.NotApplied, name)
	}
	return nil
}

// truthy reports whether a directive asks for something at all.
func truthy(value string) bool {
	on, err := boolean(value)
	return value != "" && (err != nil || on)
}

// finish puts together what several directives say.
func (r *reader) finish() (*Service, error) {
	for _, d := range r.directories {
		mode, known := r.modes[d.directive]
		if !known {
			mode = 0o755
		}
		for _, name := range d.names {
			name, _, _ = strings.Cut(name, ":") // and further names for it
			if !path.IsAbs("/"+name) || strings.Contains("/"+name+"/", "/../") {
				return nil, fmt.Errorf("%s=%s leads out of its place", d.directive, name)
			}
			base := bases[d.directive]
			r.Owned = append(r.Owned, OwnedDirectory{path.Join(base[0], name), base[1], mode})
		}
	}
	for _, line := range r.before {
		command, err := r.command(line)
		if err != nil {
			return nil, fmt.Errorf("ExecStartPre=%s: %w", line, err)
		}
		r.Before = append(r.Before, command)
	}
	if len(r.starts) == 0 {
		return nil, errors.New("it has no ExecStart=")
	}
	for i, line := range r.starts {
		command, err := r.command(line)
		if err != nil {
			return nil, fmt.Errorf("ExecStart=%s: %w", line, err)
		}
		if i < len(r.starts)-1 {
			// Of a oneshot, which alone may have several.
			r.Before = append(r.Before, command)
			continue
		}
		if r.Start = command; command.Full {
			return nil, fmt.Errorf("ExecStart=%s: it runs with full privileges (+), whatever the unit's capabilities are", line)
		}
	}
	slices.Sort(r.NotApplied)
	return &r.Service, nil
}

// command reads a command line. Variables of the environment are replaced when it is
// started; see Expand.
func (r *reader) command(line string) (Command, error) {
	var c Command
	named := false // the word behind the program is what it is to call itself
	for {
		switch {
		case line == "":
			return c, errors.New("there is no command")
		case line[0] == '-':
			c.MayFail = true
		case line[0] == '+':
			c.Full = true
		case strings.HasPrefix(line, "!!"):
			line = line[1:] // for kernels without ambient capabilities
		case line[0] == '!':
			return c, errors.New("it changes its user itself (!); there is no meaning for that outside of systemd")
		case line[0] == '@':
			named = true
		case line[0] == ':':
			line = strings.ReplaceAll(line, "$", "$$") // no variables
		default:
			words, err := split(line)
			if err != nil {
				return c, err
			}
			for _, word := range words {
				if word == ";" {
					return c, errors.New("of several commands in one line, none is run; write a line for each")
				}
				if word, err = r.specified(word); err != nil {
					return c, err
				}
				c.Argv = append(c.Argv, word)
			}
			if named && len(c.Argv) > 1 {
				c.Argv = slices.Delete(c.Argv, 1, 2)
			}
			if len(c.Argv) == 0 {
				return c, errors.New("there is no command")
			}
			return c, nil
		}
		line = line[1:]
	}
}

// number is what a text says in a base; nil for an empty one.
func number(value string, base int) (*int, error) {
	if value == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(value, base, 32)
	if err != nil {
		return nil, errors.New("not a number")
	}
	small := int(n)
	return &small, nil
}
