package lsm

import (
	"cmp"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
)

// avc is the type of the records of both modules (AUDIT_AVC of linux/audit.h).
const avc = 1400

// Of audit records: "audit(1795891302.990:4): apparmor=...".
var stamp = regexp.MustCompile(`^audit\([0-9.]+:[0-9]+\): `)

// parse reads the text of a record of type avc. ok is false for one that tells of no
// refusal: what a permissive mode only logs, what is allowed, a profile that was loaded.
func parse(text string) (r observation.Refusal, ok bool) {
	text = strings.TrimRight(stamp.ReplaceAllString(strings.TrimSpace(text), ""), "\x00\n")
	if rest, selinux := strings.CutPrefix(text, "avc:"); selinux {
		return parseSELinux(rest)
	}
	return parseAppArmor(fieldsOf(text))
}

// fields are those of a record by name, in their order in keys.
type fields struct {
	keys   []string
	values map[string]string
}

func (f fields) get(name string) string { return f.values[name] }

var field = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_-]*)=("[^"]*"|[^ ]*)`)

// fieldsOf reads NAME=VALUE and NAME="VALUE". What a user may have chosen stands in
// quotes, or as hexadecimal digits where it has a quote, a space or a control character
// in it (kernel/audit.c:audit_log_untrustedstring).
func fieldsOf(text string) fields {
	f := fields{values: map[string]string{}}
	for _, found := range field.FindAllStringSubmatch(text, -1) {
		name, value := found[1], found[2]
		switch {
		case strings.HasPrefix(value, `"`):
			value = strings.Trim(value, `"`)
		case slices.Contains(untrusted, name):
			if decoded, err := hex.DecodeString(value); err == nil {
				value = string(decoded)
			}
		}
		if _, twice := f.values[name]; !twice {
			f.keys = append(f.keys, name)
			f.values[name] = value
		}
	}
	return f
}

// untrusted are the fields that may be in hexadecimal.
var untrusted = []string{"name", "comm", "path", "profile", "peer", "target", "srcname", "label"}

// without writes the fields again, but for those that are others each time or say
// nothing about what was refused.
func (f fields) without(names ...string) string {
	var words []string
	for _, name := range f.keys {
		if !slices.Contains(names, name) {
			words = append(words, name+"="+strconv.Quote(f.values[name]))
		}
	}
	return strings.Join(words, " ")
}

// parseAppArmor reads a record of AppArmor (security/apparmor/audit.c:audit_pre and the
// callbacks next to each mediated operation).
func parseAppArmor(f fields) (observation.Refusal, bool) {
	pid, err := strconv.Atoi(f.get("pid"))
	if f.get("apparmor") != "DENIED" || err != nil {
		return observation.Refusal{}, false
	}
	return observation.Refusal{
		Module: string(engine.AppArmor), Label: f.get("profile"), PID: pid,
		Operation: f.get("operation"), Class: f.get("class"), Path: cleaned(f.get("name")), Capability: f.get("capname"), Rule: appArmorRule(f),
		Record: f.without("pid", "comm", "fsuid", "ouid", "error"),
	}, true
}

// cleaned is a path without the slash at its end by which AppArmor knows a directory.
func cleaned(name string) string {
	if !path.IsAbs(name) {
		return ""
	}
	return path.Clean(name)
}

// appArmorRule is the rule of apparmor.d(5) that allows what a record tells of, without the comma
// at its end.
func appArmorRule(f fields) string {
	peer := ""
	if name := f.get("peer"); name != "" {
		peer = " peer=" + ruleWord(name)
	}
	switch operation := f.get("operation"); operation {
	case "mount":
		return mountRule(f)
	case "umount":
		return "umount " + ruleWord(f.get("name"))
	case "pivotroot":
		return "pivot_root oldroot=" + ruleWord(f.get("srcname")) + " " + ruleWord(f.get("name"))
	case "capable":
		return "capability " + f.get("capname")
	case "ptrace":
		return "ptrace (" + f.get("denied_mask") + ")" + peer
	case "signal":
		return "signal (" + f.get("denied_mask") + ") set=(" + f.get("signal") + ")" + peer
	case "change_profile", "change_onexec":
		return "change_profile -> " + ruleWord(f.get("target"))
	case "userns_create":
		return "userns create"
	case "uring_sqpoll":
		return "io_uring sqpoll"
	case "uring_override":
		return "io_uring override_creds"
	case "setrlimit":
		return "set rlimit " + f.get("rlimit") + " <= " + f.get("value")
	}
	switch {
	case f.get("family") == "unix":
		return "unix (" + f.get("denied_mask") + ") type=" + f.get("sock_type")
	case f.get("family") != "":
		return "network " + f.get("family") + " " + f.get("sock_type")
	case f.get("name") != "" && f.get("denied_mask") != "":
		return ruleWord(f.get("name")) + " " + fileMask(f.get("denied_mask"))
	}
	return ""
}

// mountRule is a mount or remount rule.
func mountRule(f fields) string {
	flags := strings.Split(strings.ReplaceAll(f.get("flags"), " ", ""), ",")
	kind, target := "mount", " -> "
	if slices.Contains(flags, "remount") {
		kind, target = "remount", " "
	}
	rule := kind
	if kind := f.get("fstype"); kind != "" {
		rule += " fstype=" + ruleWord(kind)
	}
	flags = slices.DeleteFunc(flags, func(flag string) bool { return flag == "" || flag == "remount" })
	if len(flags) > 0 {
		rule += " options=(" + strings.Join(flags, ", ") + ")"
	}
	if source := f.get("srcname"); source != "" {
		rule += " " + ruleWord(source)
	}
	return rule + target + ruleWord(f.get("name"))
}

// fileMask are the permissions of a rule for those of a record, which has letters of its
// own for making and deleting a file.
func fileMask(mask string) string {
	rule := ""
	for _, letter := range "rwaklmx" {
		if has := strings.ContainsRune(mask, letter) || letter == 'w' && strings.ContainsAny(mask, "cd"); !has {
			continue
		}
		switch letter {
		case 'a':
			if strings.Contains(rule, "w") {
				continue // one of the two
			}
		case 'x':
			rule += "i"
		}
		rule += string(letter)
	}
	return rule
}

// ruleWord quotes what a rule would otherwise take apart.
func ruleWord(word string) string {
	if strings.ContainsAny(word, " \t,\"()") {
		return strconv.Quote(word)
	}
	return word
}

var selinuxRefusal = regexp.MustCompile(`^\s*denied\s+\{([^}]*)\}`)

// parseSELinux reads an access vector's record behind "avc:"
// (security/selinux/avc.c:avc_audit_pre_callback, avc_audit_post_callback).
func parseSELinux(text string) (observation.Refusal, bool) {
	denied := selinuxRefusal.FindStringSubmatch(text)
	if denied == nil {
		return observation.Refusal{}, false
	}
	f := fieldsOf(text)
	pid, err := strconv.Atoi(f.get("pid"))
	source, confined := engine.SELinuxConfinement(f.get("scontext"))
	if err != nil || !confined || f.get("permissive") == "1" {
		return observation.Refusal{}, false
	}
	target := f.get("tcontext")
	if object, ok := engine.SELinuxConfinement(target); ok {
		target = object.Label
	}
	permissions := strings.Join(strings.Fields(denied[1]), " ")
	class := f.get("tclass")
	of := target
	if of == source.Label {
		of = "self"
	}
	r := observation.Refusal{
		Module: string(engine.SELinux), Label: source.Label, PID: pid, Operation: permissions, Class: class, Path: cmp.Or(cleaned(f.get("path")), f.get("name")),
		Rule:   "allow " + source.Label + " " + of + ":" + class + " { " + permissions + " }",
		Record: "avc: denied { " + permissions + " }",
	}
	if strings.HasPrefix(class, "cap") { // capability, capability2, cap_userns, cap2_userns
		r.Capability = permissions
	}
	for _, more := range []struct{ name, value string }{
		{"path", f.get("path")}, {"name", f.get("name")}, {"scontext", source.Label}, {"tcontext", target}, {"tclass", class},
	} {
		if more.value != "" {
			r.Record += " " + more.name + "=" + strconv.Quote(more.value)
		}
	}
	return r, true
}
