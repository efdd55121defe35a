package export

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/profile"
)

// kubernetes writes a container's securityContext (core/v1 SecurityContext).
type kubernetes struct{}

func (kubernetes) Export(w io.Writer, d *profile.Document) error {
	if err := errors.Join(answer(d), contained(d)); err != nil {
		return err
	}
	notes := append(commonNotes(d, advice.Kubernetes), kubernetesNotes(d)...)
	var context, capabilities, file mapping
	// false means no_new_privs, which ends setuid programs and file
	// capabilities. It is right where the profile was made that way, and a
	// guess otherwise.
	if d.Workload.Options.NoNewPrivileges() {
		context.add("allowPrivilegeEscalation", boolean(false))
	} else {
		notes = append(notes, "allowPrivilegeEscalation is not set: false disables setuid programs and file capabilities. "+
			"Profile with --security-opt no-new-privileges to see whether that matters.")
	}
	capabilities.addList("drop", []string{"ALL"})
	there := &d.Answer
	if d.Portable != nil && d.Portable.Verdict.Answers() {
		// Clusters keep the kernel's sysctls.
		there = &d.Portable.Answer
	}
	if !there.Capabilities.Required.Empty() {
		// Runtimes put CAP_ before every name, a number's too.
		spell := func(short string) string { return strings.TrimPrefix(short, "CAP_") }
		capabilities.add("add", capabilityList(d, there, spell))
	}
	context.add("capabilities", &capabilities.node)
	notes = append(notes, relaxInKubernetes(&context, d)...)
	if d.Workload.Options.Bool("read-only") {
		context.add("readOnlyRootFilesystem", boolean(true))
	}
	user, group := d.Workload.Options.User()
	notes = append(notes, addID(&context, "runAsUser", "user", user)...)
	notes = append(notes, addID(&context, "runAsGroup", "group", group)...)
	file.add("securityContext", &context.node)
	body, err := file.encode()
	if err != nil {
		return err
	}
	return write(w, notes, body)
}

// addID adds a user or group ID. Kubernetes takes numbers only, and the number
// of a name is in the image, which the profile does not have. root is 0
// everywhere.
func addID(context *mapping, key, kind, value string) []string {
	if value == "" {
		return nil
	}
	if value == "root" {
		value = "0"
	}
	// The API server takes 0 to 2^31-1 (apimachinery IsValidUserID).
	id, err := strconv.ParseInt(value, 10, 32)
	if err != nil || id < 0 {
		return []string{"The profile was made with the " + kind + " " + value + ". In Kubernetes set " + key + " to its number."}
	}
	context.add(key, integer(id))
	return nil
}
