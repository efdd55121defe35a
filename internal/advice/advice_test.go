package advice

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/text"
)

// filled are remedies of a kind: one without arguments, and those with all that the
// kind takes, on each kind of mount and with each option of one.
func filled(kind remedy.Kind) []remedy.Remedy {
	all := []remedy.Remedy{{Kind: kind}}
	for _, mount := range []string{"tmpfs", "bind", "volume"} {
		for _, name := range []string{"exec", "size", "apparmor", "selinux", "net.ipv4.ip_forward"} {
			r := remedy.Remedy{Kind: kind}
			for argument, set := range map[string]func(){
				"path": func() { r.Path = "/srv/data" }, "mount": func() { r.Mount = mount }, "user": func() { r.User = "33" },
				"capabilities": func() { r.Capabilities = capability.Of(capability.NetRaw) },
				"name":         func() { r.Name = name }, "value": func() { r.Value = "77" }, "device": func() { r.Device = "c 10:229" },
				"call": func() { r.Call = "keyctl" }, "text": func() { r.Text = "in words" },
			} {
				if kind.Takes(argument) {
					set()
				}
			}
			all = append(all, r)
		}
	}
	return all
}

// dockerOption matches what only docker run understands.
var dockerOption = regexp.MustCompile(`(^| |\()--[a-z]|(^| )-t |:ro\b|dockerd|\bFROM\b`)

// hostOption are options of programs of the host's that may be named anywhere.
var hostOption = strings.NewReplacer("setsid --fork", "", "setpriv --reuid", "", "COPY --chown", "", "COPY --chmod", "")

func TestEveryKindIsSaidOnEveryPlatform(t *testing.T) {
	for _, kind := range remedy.Kinds() {
		for _, on := range Platforms {
			for _, r := range filled(kind) {
				said := Words(r, on)
				bare := r == (remedy.Remedy{Kind: kind})
				switch {
				case kind == remedy.Text && bare:
				case said == "" || said == string(kind):
					t.Errorf("%s has no words on %s: %+v", kind, on, r)
				case strings.ContainsAny(said, "{}[]|"):
					t.Errorf("%s on %s is not filled in: %s", kind, on, said)
				case strings.Contains(said, "  ") || strings.HasSuffix(said, " ") || strings.Contains(said, "()"):
					t.Errorf("%s on %s has a hole: %q", kind, on, said)
				case (on == Kubernetes || on == Host) && dockerOption.MatchString(hostOption.Replace(said)):
					t.Errorf("%s on %s has an option of docker's: %s", kind, on, said)
				case on == Kubernetes && strings.Contains(said, "Dockerfile"):
					t.Errorf("%s on %s speaks of a Dockerfile: %s", kind, on, said)
				case on == Compose && dockerOption.MatchString(strings.ReplaceAll(hostOption.Replace(said), ":ro", "")) && !strings.Contains(said, "dockerd"):
					t.Errorf("%s on %s has an option of docker run: %s", kind, on, said)
				}
				if !bare && said != "" {
					checkArguments(t, r, on, said)
				}
			}
		}
	}
}

// checkArguments: an argument that docker run's user is told is told in words.
func checkArguments(t *testing.T, r remedy.Remedy, on Platform, said string) {
	t.Helper()
	if on != Docker {
		return
	}
	for name, value := range map[string]string{"device": r.Device, "call": r.Call} {
		if value != "" && !strings.Contains(said, value) {
			t.Errorf("%s does not say its %s: %s", r.Kind, name, said)
		}
	}
}

// A kind of a newer version is no hole in a report.
func TestAKindThatIsNotKnown(t *testing.T) {
	if got := Words(remedy.Remedy{Kind: "from-the-future"}, Docker); got != "from-the-future" {
		t.Errorf("%q", got)
	}
}

// What a workload called its files must not be taken for a placeholder, nor for
// commands of the terminal.
func TestArgumentsAreOnlyShown(t *testing.T) {
	got := Words(remedy.Remedy{Kind: remedy.Device, Path: "/dev/{user}[x]\x1b[2J\u202e"}, Docker)
	if want := `--device $'/dev/{user}[x]\033[2J\342\200\256'`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What is pasted into a shell stays one word.
func TestArgumentsOfCommandsAreWords(t *testing.T) {
	for want, r := range map[string]remedy.Remedy{
		`--tmpfs '/my data':exec`: {Kind: remedy.MountOption, Name: "exec", Path: "/my data"},
		`set it when the container is created: --sysctl net.ipv4.ping_group_range='0 2147483647'`: {
			Kind: remedy.Sysctl, Name: "net.ipv4.ping_group_range", Value: "0 2147483647",
		},
		`--device '/dev/$(id)'`: {Kind: remedy.Device, Path: "/dev/$(id)"},
	} {
		if got := Words(r, Docker); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestSentences(t *testing.T) {
	own := func(path string) []remedy.Remedy {
		return []remedy.Remedy{{Kind: remedy.OwnFile, Path: path, User: "33"}, {Kind: remedy.RunAsOwner, Path: path}}
	}
	tmpfs := func(path string) []remedy.Remedy {
		return []remedy.Remedy{{Kind: remedy.MountOwner, Mount: "tmpfs", Path: path, User: "0"}}
	}
	for name, c := range map[string]struct {
		of      [][]remedy.Remedy
		want    []string
		without int
	}{
		"none": {},
		"alternatives": {
			of:   [][]remedy.Remedy{{{Kind: remedy.HighPort}, {Kind: remedy.Sysctl, Name: "a.b", Value: "0"}}},
			want: []string{"listen on a port of 1024 or above; or set it when the container is created: --sysctl a.b=0"},
		},
		"one refusal without any": {of: [][]remedy.Remedy{nil, {{Kind: remedy.HighPort}}, {}}, want: []string{"listen on a port of 1024 or above"}, without: 2},
		"paths in one sentence": {
			of: [][]remedy.Remedy{own("/a"), own("/b"), own("/a"), own("/c"), own("/d"), own("/e")},
			want: []string{
				"give /a, /b, /c and 2 more to user 33 (chown or chmod in the Dockerfile); or start as the owner of the file or with its group (--user USER:GROUP)",
			},
		},
		"options name one path each": {
			of: [][]remedy.Remedy{tmpfs("/run"), tmpfs("/tmp"), tmpfs("/run")},
			want: []string{
				"make user 0 the owner of the tmpfs: --tmpfs /run:uid=0, or another mode=",
				"make user 0 the owner of the tmpfs: --tmpfs /tmp:uid=0, or another mode=",
			},
		},
		"words of an older profile": {of: [][]remedy.Remedy{remedy.InWords("x"), remedy.InWords("x"), remedy.InWords("y")}, want: []string{"x", "y"}},
	} {
		got, without := Sentences(c.of, Docker)
		if !slices.Equal(got, c.want) || without != c.without {
			t.Errorf("%s: %q, %d without; want %q, %d", name, got, without, c.want, c.without)
		}
	}
}

// Whatever a workload called its files, advice is one printable line.
func FuzzWords(f *testing.F) {
	f.Add("device", "/dev/fuse", "33", "net.core.somaxconn", "1", "tmpfs")
	f.Add("mount-option", "/a b\x00\x1b[2J", "", "exec", "{path}", "")
	f.Add("text", "", "[x", "|", "]", "{")
	f.Fuzz(func(t *testing.T, kind, path, user, name, value, mount string) {
		r := remedy.Remedy{Kind: remedy.Kind(kind), Path: path, User: user, Name: name, Value: value, Mount: mount, Device: value, Call: name, Text: path}
		for _, on := range Platforms {
			for _, said := range []string{Words(r, on), Sentence([]remedy.Remedy{r, r}, on)} {
				if said != text.Printable(said) {
					t.Errorf("%q", said)
				}
			}
		}
	})
}
