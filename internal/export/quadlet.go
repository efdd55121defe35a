package export

import (
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/capprof/capprof/internal/profile"
)

// quadlet writes a .container file, of which Podman's generator makes a unit for systemd
// (podman-systemd.unit(5)). Keys are those of Podman 4.6, where the generator refuses
// others; what has none there is in PodmanArgs=.
type quadlet struct{}

func (quadlet) Export(w io.Writer, d *profile.Document) error {
	if err := errors.Join(answer(d), contained(d)); err != nil {
		return err
	}
	used := used(d)
	unit := unitFile{}
	unit.section("Container")
	unit.add("Image", used.Image.Reference)
	unit.add("DropCapability", "all")
	for _, name := range podmanAnswer(d).Capabilities.Required.Names() {
		unit.add("AddCapability", name)
	}
	service := unitFile{}
	for _, s := range podmanSettings(used.Options) {
		switch {
		case slices.Contains(ofTheCaller, s.name):
		case s.name == "restart":
			policy, _, _ := strings.Cut(s.value, ":")
			if how := map[string]string{"always": "always", "unless-stopped": "always", "on-failure": "on-failure"}[policy]; how != "" {
				service.add("Restart", how)
			}
		default:
			unit.option(s)
		}
	}
	if len(used.Command) > 0 {
		unit.words("Exec", used.Command)
		if slices.Contains(used.Command, "") {
			service.add("Environment", emptyVariable+"=")
		}
	}
	if d.Scenario == nil && len(used.Options.Values("restart")) == 0 {
		// It ends by itself.
		service.add("Type", "oneshot")
	}
	if len(service.lines) > 0 {
		unit.section("Service")
		unit.lines = append(unit.lines, service.lines...)
	}
	unit.section("Install")
	unit.add("WantedBy", "default.target")
	notes := append(podmanRunNotes(d), "Save it as ~/.config/containers/systemd/"+serviceName(used.Image.Reference)+".container, or for root in /etc/containers/systemd; then systemctl --user daemon-reload.")
	return write(w, notes, strings.Join(unit.lines, "\n")+"\n")
}

// ofTheCaller are options about who runs docker run, and not about the container.
var ofTheCaller = []string{"detach", "rm", "attach", "sig-proxy", "detach-keys", "cidfile", "pidfile", "conmon-pidfile", "replace", "rmi", "sdnotify", "disable-content-trust"}

// quadletKeys are the keys of options whose value stands there as podman run takes it.
var quadletKeys = map[string]string{
	"annotation": "Annotation", "device": "AddDevice", "env": "Environment", "env-file": "EnvironmentFile", "expose": "ExposeHostPort",
	"health-cmd": "HealthCmd", "health-interval": "HealthInterval", "health-retries": "HealthRetries",
	"health-start-period": "HealthStartPeriod", "health-timeout": "HealthTimeout", "hostname": "HostName",
	"ip": "IP", "ip6": "IP6", "label": "Label", "log-driver": "LogDriver", "mount": "Mount", "name": "ContainerName", "network": "Network",
	"publish": "PublishPort", "pull": "Pull", "sysctl": "Sysctl", "tmpfs": "Tmpfs", "userns": "UserNS",
	"volume": "Volume", "workdir": "WorkingDir",
}

// quadletFlags are those that are given or not.
var quadletFlags = map[string]string{"init": "RunInit", "read-only": "ReadOnly"}

// quadletWords are the keys whose values systemd's rules of quoting split.
var quadletWords = []string{"Annotation", "Environment", "Label"}

// unitFile is a file of systemd's, line by line.
type unitFile struct{ lines []string }

func (u *unitFile) section(name string) {
	if len(u.lines) > 0 {
		u.lines = append(u.lines, "")
	}
	u.lines = append(u.lines, "["+name+"]")
}

func (u *unitFile) add(key, value string) { u.lines = append(u.lines, key+"="+value) }

// words adds a list of words, each quoted where it has to be.
func (u *unitFile) words(key string, words []string) {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = unitWord(word)
	}
	u.add(key, strings.Join(quoted, " "))
}

// option adds an option of podman run: by its own key where it has one whose value is
// plain, since the rules of quoting differ from key to key.
func (u *unitFile) option(s setting) {
	key, known := quadletKeys[s.name]
	switch {
	case s.flag && quadletFlags[s.name] != "":
		u.add(quadletFlags[s.name], "true")
	case s.flag:
		u.words("PodmanArgs", []string{"--" + s.name})
	case s.name == "user" && plainWord(s.value):
		user, group, ok := strings.Cut(s.value, ":")
		u.add("User", user)
		if ok {
			u.add("Group", group)
		}
	case s.name == "security-opt" && s.value == "no-new-privileges":
		u.add("NoNewPrivileges", "true")
	case s.name == "security-opt" && strings.HasPrefix(s.value, "seccomp=/") && plainWord(s.value):
		u.add("SeccompProfile", strings.TrimPrefix(s.value, "seccomp="))
	case s.name == "security-opt" && s.value == "label=disable":
		u.add("SecurityLabelDisable", "true")
	case known && slices.Contains(quadletWords, key) && (key != "Environment" || strings.Contains(s.value, "=")):
		u.words(key, []string{s.value})
	case known && plainWord(s.value) && key != "Environment" && !namesQuadlet(s.value):
		u.add(key, s.value)
	default:
		u.words("PodmanArgs", []string{"--" + s.name + "=" + s.value})
	}
}

// namesQuadlet reports whether a value holds a name that the generator takes for another
// file of its own, such as a volume "data.volume".
func namesQuadlet(value string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(":,=", r) }), func(part string) bool {
		return slices.Contains([]string{".volume", ".network", ".image", ".build", ".pod", ".container"}, path.Ext(part))
	})
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_.:/=,@+-]+$`)

// plainWord reports whether a value means itself to systemd and to the generator,
// wherever it stands.
func plainWord(s string) bool { return plain.MatchString(s) }

// emptyVariable is a variable whose value is an empty word: the generator ends a command at
// one that is written as such.
const emptyVariable = "EMPTY"

// unitWord is a word as systemd.syntax(7) quotes it, in a command line of which systemd
// replaces %x and $NAME.
func unitWord(s string) string {
	switch {
	case s == "":
		return "${" + emptyVariable + "}"
	case plainWord(s):
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '%' || c == '$':
			b.WriteRune(c)
			b.WriteRune(c)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < 0x80 && !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\x%02x`, c)
		case !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
