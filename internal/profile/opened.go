package profile

import (
	"slices"
	"strings"
)

// Narrowed is the workload as the answer runs it: with the openings, and without
// --privileged. What it holds is shared with the document, but for what the openings
// change.
func (d *Document) Narrowed() Workload {
	w := d.Workload
	for _, o := range d.Openings {
		add := func(to *[]string, value string) { *to = append(slices.Clip(*to), value) }
		name, value, _ := strings.Cut(o.Option, " ")
		switch name {
		case "--cgroupns":
			w.CgroupNS = value
		case "--device":
			add(&w.Devices, value)
		case "--device-cgroup-rule":
			add(&w.DeviceCgroupRules, value)
		case "--security-opt":
			add(&w.SecurityOpt, value)
		case "--volume":
			add(&w.Volumes, value)
		}
	}
	w.Privileged = false
	return w
}

// Shell is the option as a POSIX shell takes it.
func (o Opening) Shell() string {
	name, value, _ := strings.Cut(o.Option, " ")
	return name + " " + ShellWord(value)
}

// ShellWord makes one word of s in a POSIX shell. Nothing is special between
// single quotes but the single quote itself.
func ShellWord(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@,+-", r)
	})
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// openingOptions are the options of the openings, as runs list theirs; nil for none.
func (d *Document) openingOptions() []string {
	var options []string
	for _, o := range d.Openings {
		options = append(options, o.Option)
	}
	return options
}
