package export

import (
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// seccompPath is where a seccomp profile is to be saved that the document holds as its
// text, since docker run and Compose take the path of a file.
const seccompPath = "seccomp.json"

// used is the workload as the answer runs it, in options that docker run takes.
func used(d *profile.Document) profile.Workload {
	w := d.WithoutPrivileged()
	var options []string
	for _, value := range w.Options.Values("security-opt") {
		if isInlineSeccomp(value) {
			value = "seccomp=" + seccompPath
		}
		options = append(options, value)
	}
	w.Options = w.Options.Set("security-opt", options...)
	return w
}

func isInlineSeccomp(value string) bool {
	option, err := workload.ParseSecurityOption(value)
	return err == nil && option.Name == "seccomp" && workload.InlineSeccomp(option.Value)
}

// seccompNotes say how to get the file.
func seccompNotes(d *profile.Document) []string {
	if !workload.InlineSeccomp(d.WithoutPrivileged().Options.Seccomp()) {
		return nil
	}
	return []string{seccompPath + " is the container's own seccomp profile. Save it: " +
		`jq -r '.workload.options.securityOpt[] | select(startswith("seccomp")) | sub("^seccomp[=:]"; "")' profile.json > ` + seccompPath}
}
