package sentence

import (
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
)

// Kept says which process went on with what: "/usr/sbin/apache2: setuid(33) = EPERM
// (capability check); it stays root".
func Kept(d profile.Denial) string {
	keeps := d.Keeps
	if keeps == "" {
		keeps = "it goes on" // said by a capprof that did not say with what
	}
	return Denial(d) + "; " + text.Printable(keeps)
}
