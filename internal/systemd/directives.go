package systemd

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/signal"

	"github.com/capprof/capprof/internal/capability"
)

// refused are directives with which the service is something else than what would be run.
var refused = map[string]string{
	"DynamicUser":   "the user is made by systemd when the service starts, and there is none; set User= in a drop-in to profile it",
	"PrivateUsers":  "in a user namespace of its own, capabilities mean something else",
	"RootDirectory": "another root directory is not entered",
	"RootImage":     "the root of an image is not mounted",
	"PAMName":       "no session is opened by PAM",
}

// restricts reports whether a directive that is not read changes what a process may do.
func restricts(name string) bool {
	for _, prefix := range []string{"Protect", "Private", "Restrict", "SystemCall", "ReadOnly", "ReadWrite", "Inaccessible", "NoExec", "Bind", "Temporary", "Device", "MemoryDeny", "Lock", "SecureBits", "AppArmor", "SELinux", "Smack", "IPAddress", "Socket", "Sockets", "ExecPaths", "Personality", "KeyringMode", "LoadCredential", "SetCredential", "ExecStartPost", "ExecStop", "ExecCondition"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// directives are those that are read.
var directives = map[string]func(r *reader, value string) error{
	"Type": func(r *reader, value string) error {
		switch value {
		case "simple", "exec", "idle", "dbus", "":
			r.Type = "simple"
		case "notify", "notify-reload":
			r.Type = "notify"
		case "forking", "oneshot":
			r.Type = value
		default:
			return errors.New("not a type of a service")
		}
		return nil
	},
	"ExecStart":           func(r *reader, value string) error { return appendTo(&r.starts, value) },
	"ExecStartPre":        func(r *reader, value string) error { return appendTo(&r.before, value) },
	"Environment":         (*reader).readEnvironment,
	"EnvironmentFile":     (*reader).readFile,
	"User":                func(r *reader, value string) error { return r.text(&r.User, value) },
	"Group":               func(r *reader, value string) error { return r.text(&r.Group, value) },
	"SupplementaryGroups": func(r *reader, value string) error { return r.list(&r.Groups, value) },
	"WorkingDirectory": func(r *reader, value string) error {
		value, r.DirectoryOptional = strings.CutPrefix(value, "-")
		return r.text(&r.Directory, value)
	},
	"UMask": func(r *reader, value string) (err error) { r.Umask, err = number(value, 8); return err },
	"NoNewPrivileges": func(r *reader, value string) (err error) {
		r.NoNewPrivileges, err = boolean(value)
		return err
	},
	"OOMScoreAdjust": func(r *reader, value string) (err error) { r.OOMScoreAdj, err = number(value, 10); return err },
	"PIDFile": func(r *reader, value string) error {
		if err := r.text(&r.PIDFile, value); err != nil || r.PIDFile == "" || path.IsAbs(r.PIDFile) {
			return err
		}
		r.PIDFile = path.Join("/run", r.PIDFile)
		return nil
	},
	"KillSignal": func(r *reader, value string) (err error) { r.StopSignal, err = signal.ParseSignal(value); return err },
	"KillMode": func(r *reader, value string) error {
		if !slices.Contains([]string{"control-group", "mixed", "process", "none", ""}, value) {
			return errors.New("not a way to kill")
		}
		r.SignalsMain = value == "mixed" || value == "process"
		return nil
	},
	"TimeoutStopSec": func(r *reader, value string) error { return r.timeout(value) },
	"TimeoutSec":     func(r *reader, value string) error { return r.timeout(value) },
	"CapabilityBoundingSet": func(r *reader, value string) error {
		if r.Bounding == nil {
			r.Bounding = new(capability.Set)
			if strings.HasPrefix(value, "~") {
				*r.Bounding = capability.Known()
			}
		}
		return capabilities(r.Bounding, value)
	},
	"AmbientCapabilities":    func(r *reader, value string) error { return capabilities(&r.Ambient, value) },
	"RuntimeDirectory":       owned("RuntimeDirectory"),
	"StateDirectory":         owned("StateDirectory"),
	"CacheDirectory":         owned("CacheDirectory"),
	"LogsDirectory":          owned("LogsDirectory"),
	"ConfigurationDirectory": owned("ConfigurationDirectory"),

	"RuntimeDirectoryMode":       mode("RuntimeDirectory"),
	"StateDirectoryMode":         mode("StateDirectory"),
	"CacheDirectoryMode":         mode("CacheDirectory"),
	"LogsDirectoryMode":          mode("LogsDirectory"),
	"ConfigurationDirectoryMode": mode("ConfigurationDirectory"),
	// They mean nothing where nothing of systemd's is left behind.
	"RuntimeDirectoryPreserve": nothing, "PrivateTmp": nothing, "LockPersonality": nothing,
}

func nothing(*reader, string) error { return nil }

func init() {
	for name := range limits {
		directives[name] = func(r *reader, value string) error { return r.limit(name, value) }
	}
}

// appendTo adds to a list of lines.
func appendTo(list *[]string, value string) error {
	if value == "" {
		*list = nil
		return nil
	}
	*list = append(*list, value)
	return nil
}

// text sets a text with its specifiers replaced.
func (r *reader) text(to *string, value string) (err error) {
	*to, err = r.specified(value)
	return err
}

// list adds words to a list.
func (r *reader) list(to *[]string, value string) error {
	if value == "" {
		*to = nil
		return nil
	}
	words, err := split(value)
	if err != nil {
		return err
	}
	for _, word := range words {
		if word, err = r.specified(word); err != nil {
			return err
		}
		*to = append(*to, word)
	}
	return nil
}

func (r *reader) readEnvironment(value string) error { return r.list(&r.Environment, value) }

func (r *reader) readFile(value string) error {
	if value == "" {
		r.Files = nil
		return nil
	}
	value, optional := strings.CutPrefix(value, "-")
	name, err := r.specified(value)
	r.Files = append(r.Files, EnvironmentFile{name, optional})
	return err
}

func (r *reader) timeout(value string) error {
	limit, err := duration(value)
	r.StopTimeout = &limit
	return err
}

// bases are where the directories of a directive are made (systemd.exec(5)), and the
// variables that name them.
var bases = map[string][2]string{
	"RuntimeDirectory": {"/run", "RUNTIME_DIRECTORY"}, "StateDirectory": {"/var/lib", "STATE_DIRECTORY"}, "CacheDirectory": {"/var/cache", "CACHE_DIRECTORY"},
	"LogsDirectory": {"/var/log", "LOGS_DIRECTORY"}, "ConfigurationDirectory": {"/etc", "CONFIGURATION_DIRECTORY"},
}

func owned(directive string) func(r *reader, value string) error {
	return func(r *reader, value string) error {
		i := slices.IndexFunc(r.directories, func(d directories) bool { return d.directive == directive })
		if i < 0 {
			r.directories = append(r.directories, directories{directive: directive})
			i = len(r.directories) - 1
		}
		return r.list(&r.directories[i].names, value)
	}
}

func mode(directive string) func(r *reader, value string) error {
	return func(r *reader, value string) error {
		n, err := number(value, 8)
		if n != nil {
			r.modes[directive] = uint32(*n)
		}
		return err
	}
}
