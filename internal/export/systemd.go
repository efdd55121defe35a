package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// systemd writes a drop-in of a service (systemd.exec(5)). Its runs were made under what the
// drop-in says: the bounding set is the set, and a user other than root holds it as ambient
// capabilities.
type systemd struct{}

func (systemd) Export(w io.Writer, d *profile.Document) error {
	if err := answer(d); err != nil {
		return err
	}
	if !d.Plain() {
		return fmt.Errorf("%w: the profile is of a container, and a service of systemd is none: profile it with --engine host", ErrNoAnswer)
	}
	notes := slices.Concat(installNotes(d), commonNotes(d, advice.Host), phaseNotes(d), ambientNotes(d), privilegeNotes(d))
	lines := []string{"[Service]"}
	if user, group := d.Workload.Options.User(); !d.StartsAsRoot() {
		lines = append(lines, "User="+user)
		if group != "" {
			lines = append(lines, "Group="+group)
		}
	}
	lines = append(lines, sentence.DropIn(d)...)
	if d.Workload.Options.NoNewPrivileges() {
		lines = append(lines, "NoNewPrivileges=yes")
	}
	return write(w, notes, strings.Join(lines, "\n")+"\n")
}

// installNotes say where the drop-in belongs.
func installNotes(d *profile.Document) []string {
	name := d.Workload.Options.Value("unit")
	if name == "" {
		return []string{"For a service that runs this command: systemctl edit NAME.service, or a file in /etc/systemd/system/NAME.service.d/."}
	}
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	return []string{"/etc/systemd/system/" + name + ".d/capabilities.conf; then: systemctl daemon-reload && systemctl restart " + text.ShellWord(name)}
}

// ambientNotes say what AmbientCapabilities= does.
func ambientNotes(d *profile.Document) []string {
	name, _ := d.Workload.Options.User()
	switch {
	case d.StartsAsRoot():
		return nil
	case d.Capabilities.Required.Empty():
		return []string{"The service runs as user " + name + " and needs nothing: no program of it can get a capability, by file capabilities or the setuid bit neither."}
	}
	return []string{"The service runs as user " + name + ", whose programs hold what is ambient. The runs were made with both lines."}
}

// privilegeNotes are about what would take more away.
func privilegeNotes(d *profile.Document) []string {
	var notes []string
	if !d.Workload.Options.NoNewPrivileges() {
		notes = append(notes, "NoNewPrivileges= is not set: it disables setuid programs and file capabilities. Profile with --security-opt no-new-privileges to see whether that matters.")
	}
	if d.StartsAsRoot() && d.Capabilities.Required.Empty() {
		notes = append(notes, "The service needs no capability of root's: where it can do with files of another owner, User= takes the rest of root away. Profile with --user to see.")
	}
	return notes
}

// contained refuses to make a container of plain processes.
func contained(d *profile.Document) error {
	if d.Plain() {
		return fmt.Errorf("%w: the profile is of plain processes, which have no image: --format systemd", ErrNoAnswer)
	}
	return nil
}
