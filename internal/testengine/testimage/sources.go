package testimage

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// hostSources lists the machine's own package sources when it is a Debian of the
// suite, so that a mirror or an archive that was chosen for the machine serves
// the image too. Elsewhere the list is empty and mmdebstrap takes its default.
func hostSources() []string {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil
	}
	fields := strings.Fields(string(release))
	if !slices.Contains(fields, "ID=debian") || !slices.Contains(fields, "VERSION_CODENAME="+suite) {
		return nil
	}
	var found []string
	// The two places where Debian itself puts its own archive; the other files
	// are those of third parties.
	for _, name := range []string{"sources.list", "sources.list.d/debian.sources"} {
		path := filepath.Join("/etc/apt", name)
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			found = append(found, path)
		}
	}
	return found
}

// hostAcquireOptions are the settings of the machine's apt without which its
// sources may not be reachable or not be accepted.
func hostAcquireOptions(ctx context.Context) []string {
	var options []string
	for _, key := range []string{
		"Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy", "Acquire::https::Proxy",
	} {
		dump, err := exec.CommandContext(ctx, "apt-config", "dump", key).Output()
		if err != nil {
			return nil // no apt here
		}
		for line := range strings.Lines(string(dump)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, key+" ") {
				options = append(options, line)
			}
		}
	}
	return options
}
