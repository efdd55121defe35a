package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/text"
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

// WhyOpen is one sentence on why an opening is there: what failed first without it,
// and its proof.
func (d *Document) WhyOpen(o Opening) string {
	why := o.Opens
	if len(o.Evidence) > 0 {
		why += ": " + o.Evidence[0].Operation()
		if cause := text.Printable(o.Evidence[0].Cause); cause != "" {
			why += " (" + cause + ")"
		}
	} else {
		why += ": found by removal"
	}
	if proof := d.proofBy(o.ProvenBy); proof != "" {
		why += "; " + proof
	}
	return text.Printable(why)
}

func (d *Document) proofBy(number int) string {
	for _, run := range d.Runs {
		if run.Number == number && number != 0 {
			return fmt.Sprintf("run %d without it %s", number, run.ending())
		}
	}
	return ""
}
