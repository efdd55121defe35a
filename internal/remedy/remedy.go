// Package remedy holds the remedies that capprof knows, as data: a kind and its
// arguments. What a remedy is called on a platform is internal/advice's to say.
package remedy

import (
	"fmt"

	"github.com/capprof/capprof/internal/capability"
)

// Remedy is one way to make a capability needless, or to keep a call from failing.
// A list of them has the better ones first. It is comparable.
type Remedy struct {
	Kind Kind `json:"kind"`
	// Path is a file, a directory or the target of a mount, in the container.
	Path string `json:"path,omitempty"`
	// Mount is what the path lies on: "tmpfs", "bind" or "volume".
	Mount string `json:"mount,omitempty"`
	// User is a user's number in the container.
	User string `json:"user,omitempty"`
	// Capabilities are those that a file or a process is to have.
	Capabilities capability.Set `json:"capabilities,omitempty"`
	// Name is that of a sysctl, a resource limit, a mount option or a security
	// module, and Value what it is to be set to.
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
	// Device is a device as device rules name it: "c 10:229".
	Device string `json:"device,omitempty"`
	// Call is the system call that a seccomp profile is to allow.
	Call string `json:"call,omitempty"`
	// Text is the sentence of a remedy of kind Text.
	Text string `json:"text,omitempty"`
}

// InWords is a remedy that is known in words only, none for no words.
func InWords(text string) []Remedy {
	if text == "" {
		return nil
	}
	return []Remedy{{Kind: Text, Text: text}}
}

// List makes remedies of kinds that have no arguments yet.
func List(kinds ...Kind) []Remedy {
	all := make([]Remedy, len(kinds))
	for i, kind := range kinds {
		all[i].Kind = kind
	}
	return all
}

// Takes reports whether remedies of a kind have an argument, by its name in JSON.
func (k Kind) Takes(argument string) bool {
	for _, taken := range arguments[k] {
		if taken == argument {
			return true
		}
	}
	return false
}

// Check reports what is wrong with a remedy that came from outside: a kind that this
// version does not know, or an argument that does not belong to it.
func (r Remedy) Check() error {
	if _, known := arguments[r.Kind]; !known {
		return fmt.Errorf("unknown remedy %q", r.Kind)
	}
	for name, given := range map[string]bool{
		"path": r.Path != "", "mount": r.Mount != "", "user": r.User != "", "capabilities": !r.Capabilities.Empty(),
		"name": r.Name != "", "value": r.Value != "", "device": r.Device != "", "call": r.Call != "", "text": r.Text != "",
	} {
		if given && !r.Kind.Takes(name) {
			return fmt.Errorf("the remedy %s has no %s", r.Kind, name)
		}
	}
	return nil
}

// Kinds are all that there are, in no order.
func Kinds() []Kind {
	all := make([]Kind, 0, len(arguments))
	for kind := range arguments {
		all = append(all, kind)
	}
	return all
}
