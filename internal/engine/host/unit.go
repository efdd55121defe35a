package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine/host/inside"
	"github.com/capprof/capprof/internal/systemd"
	"github.com/capprof/capprof/internal/workload"
)

// unit is a service of systemd; the zero value is none.
type unit struct{ systemd.Service }

// readUnit reads an installed service.
func readUnit(name string) (unit, error) {
	found, err := systemd.Read(name)
	if err != nil {
		return unit{}, err
	}
	return unit{*found}, nil
}

// Today adds to a workload what its unit says of privileges, as the options have it: the user,
// and what the processes may have. What is given as an option already stays.
func Today(w workload.Spec) (workload.Spec, error) {
	name := w.Options.Value("unit")
	if name == "" {
		return w, nil
	}
	u, err := readUnit(name)
	if err != nil {
		return w, fmt.Errorf("--unit %s: %w", name, err)
	}
	if account := u.account(); w.Options.Value("user") == "" && account != "" {
		w.Options = w.Options.Set("user", account)
	}
	if given := len(w.Options.Values("cap-add")) + len(w.Options.Values("cap-drop")); u.Bounding == nil || given > 0 {
		return w, nil
	}
	w.Options = w.Options.Set("cap-drop", "ALL")
	if may := u.Bounding.ShortNames(); len(may) > 0 {
		w.Options = w.Options.Set("cap-add", may...)
	}
	return w, nil
}

// notes say what of the unit is not applied, for people.
func (u unit) notes() []string {
	if len(u.NotApplied) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("of %s, this is not applied: %s=; what it forbids or needs is not in the profile", u.Name, strings.Join(u.NotApplied, "=, "))}
}

// tells reports whether the service says when it is ready.
func (u unit) tells() bool { return u.Type == "forking" || u.Type == "notify" }

// signalsAll reports whether a stop signal goes to all processes.
func (u unit) signalsAll() bool { return u.Name != "" && !u.SignalsMain }

// notify is where the service tells that it is ready; "" where it does not.
func (u unit) notify() string {
	if u.Type != "notify" {
		return ""
	}
	return "/run/capprof-notify"
}

// signal is what stops it, as an option has it; "" without a unit.
func (u unit) signal() string {
	if u.Name == "" {
		return ""
	}
	return fmt.Sprint(int(u.StopSignal))
}

// account is its user as an option has it; "" for root.
func (u unit) account() string {
	switch {
	case u.Group == "":
		return u.User
	case u.User == "":
		return "0:" + u.Group
	}
	return u.User + ":" + u.Group
}

// score is its OOM score, nil where this process may not lower it so far: it says nothing of
// what the service needs.
func (u unit) score() *int {
	text, err := os.ReadFile("/proc/self/oom_score_adj")
	ours, failed := number(strings.TrimSpace(string(text)), 10)
	if may, _ := held(); u.OOMScoreAdj == nil || may.Has(capability.SysResource) || err != nil || failed != nil || ours == nil || *u.OOMScoreAdj >= *ours {
		return u.OOMScoreAdj
	}
	return nil
}

// limits are its limits, as far as this process may raise them.
func (u unit) limits() []inside.Limit {
	may, _ := held()
	var all []inside.Limit
	for _, l := range u.Limits {
		var ours unix.Rlimit
		if err := unix.Getrlimit(l.Resource, &ours); err == nil && !may.Has(capability.SysResource) {
			l.Hard = min(l.Hard, ours.Max)
			l.Soft = min(l.Soft, l.Hard)
		}
		all = append(all, inside.Limit(l))
	}
	return all
}

// directory is where it starts.
func (u unit) directory(uid int) string {
	dir := u.Directory
	if dir == "~" {
		dir = "/"
		if found, err := user.LookupUid(uid); err == nil && found.Home != "" {
			dir = found.Home
		}
	}
	if _, err := os.Stat(dir); dir == "" || err != nil && u.DirectoryOptional {
		return "/"
	}
	return dir
}

// variables are those of the unit, its files behind its own.
func (u unit) variables() ([]string, error) {
	var all []string
	if at := u.notify(); at != "" {
		all = append(all, "NOTIFY_SOCKET="+at)
	}
	paths := map[string][]string{}
	for _, dir := range u.Owned {
		paths[dir.Variable] = append(paths[dir.Variable], dir.Path)
	}
	for name, dirs := range paths {
		all = append(all, name+"="+strings.Join(dirs, ":"))
	}
	all = append(all, u.Environment...)
	for _, file := range u.Files {
		names, err := filepath.Glob(file.Path)
		if err != nil || len(names) == 0 && !file.Optional {
			return nil, errors.Join(fmt.Errorf("EnvironmentFile=%s: %w", file.Path, fs.ErrNotExist), err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil && !file.Optional {
				return nil, fmt.Errorf("EnvironmentFile=%s: %w", name, err)
			}
			all = append(all, systemd.ParseEnvironmentFile(string(text))...)
		}
	}
	return all, nil
}

// makeDirectories makes those that systemd makes for the user of the service.
func (u unit) makeDirectories(uid, gid int) error {
	for _, dir := range u.Owned {
		// Those above it are everybody's to pass through.
		err := os.MkdirAll(filepath.Dir(dir.Path), 0o755)
		if err == nil {
			err = os.Mkdir(dir.Path, os.FileMode(dir.Mode))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making %s: %w", dir.Path, err)
		}
		var stat unix.Stat_t
		if err := unix.Stat(dir.Path, &stat); err != nil {
			return fmt.Errorf("looking at %s: %w", dir.Path, err)
		}
		// systemd gives away what it made, and what is another's by now.
		if int(stat.Uid) == uid && int(stat.Gid) == gid {
			continue
		}
		err = filepath.WalkDir(dir.Path, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err := errors.Join(err, os.Chmod(dir.Path, os.FileMode(dir.Mode))); err != nil {
			return fmt.Errorf("giving %s to user %d: %w", dir.Path, uid, err)
		}
	}
	return nil
}
