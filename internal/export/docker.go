package export

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/profile"
)

// docker writes a docker run command line that any POSIX shell takes.
type docker struct{}

func (docker) Export(w io.Writer, d *profile.Document) error {
	if err := answer(d); err != nil {
		return err
	}
	return write(w, append(commonNotes(d), engineNotes(d)...), commandLine(dockerRun(d)))
}

// dockerRun is the command in groups that stay on one line: an option and its
// value, the image and its command.
func dockerRun(d *profile.Document) [][]string {
	groups := [][]string{{"docker", "run"}, {"--cap-drop", "ALL"}}
	option := func(name string, values ...string) {
		for _, value := range values {
			groups = append(groups, []string{name, value})
		}
	}
	flag := func(name string, on bool) {
		if on {
			groups = append(groups, []string{name})
		}
	}
	nonEmpty := func(name, value string) {
		if value != "" {
			option(name, value)
		}
	}
	workload := d.Narrowed()
	option("--cap-add", d.Capabilities.Required.ShortNames()...)
	option("--security-opt", workload.SecurityOpt...)
	flag("--read-only", workload.ReadOnly)
	flag("--interactive", workload.Interactive)
	flag("--tty", workload.TTY)
	nonEmpty("--user", workload.User)
	nonEmpty("--workdir", workload.WorkingDir)
	nonEmpty("--network", workload.Network)
	option("--env", workload.Env...)
	option("--volume", workload.Volumes...)
	option("--tmpfs", workload.Tmpfs...)
	option("--device", workload.Devices...)
	option("--device-cgroup-rule", workload.DeviceCgroupRules...)
	nonEmpty("--cgroupns", workload.CgroupNS)
	for _, name := range slices.Sorted(maps.Keys(workload.Sysctls)) {
		option("--sysctl", name+"="+workload.Sysctls[name])
	}
	last := []string{workload.Image.Reference}
	// docker run takes one word as the entrypoint; more words come first in the
	// command, which is the same to the engine (it appends one to the other).
	if len(workload.Entrypoint) > 0 {
		option("--entrypoint", workload.Entrypoint[0])
		last = append(last, workload.Entrypoint[1:]...)
	}
	return append(groups, append(last, workload.Command...))
}

// commandLine quotes the words, on one line when it is short and on continued
// lines otherwise.
func commandLine(groups [][]string) string {
	lines := make([]string, len(groups))
	for i, group := range groups {
		words := make([]string, len(group))
		for j, word := range group {
			words[j] = profile.ShellWord(word)
		}
		lines[i] = strings.Join(words, " ")
	}
	if short := strings.Join(lines, " "); len(short) <= 80 {
		return short + "\n"
	}
	return strings.Join(lines, " \\\n  ") + "\n"
}
