package explain

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// Kind is what an argument names.
type Kind string

// The kinds.
const (
	KindCapability Kind = "capability"
	KindMask       Kind = "mask"
	KindProfile    Kind = "profile"
)

// Argument is what was asked about; the field of its Kind is set.
type Argument struct {
	Kind       Kind
	Capability capability.Cap
	Mask       capability.Set
	// Path is the profile's file, "-" for standard input.
	Path string
}

// maskDigits is how many hexadecimal digits /proc/PID/status prints.
const maskDigits = 16

// ParseArgument tells a capability (NET_ADMIN, cap_net_admin, 12, CAP_41), a
// mask (16 hexadecimal digits, or fewer after 0x) and a profile (a path, or a
// name that ends in .json) apart. What is spelled like a capability or a mask is
// one even where a file of that name exists (/usr/bin has a chown and a kill);
// ./chown names the file. exists is asked for names that are nothing else.
func ParseArgument(text string, exists func(path string) bool) (Argument, error) {
	name := strings.TrimSpace(text)
	switch {
	case name == "":
		return Argument{}, errors.New("the argument is empty")
	case text == "-" || strings.HasSuffix(text, ".json") || strings.ContainsRune(text, '/'):
		return Argument{Kind: KindProfile, Path: text}, nil
	case len(name) > 1 && name[0] == '0' && (name[1] == 'x' || name[1] == 'X'):
		return parseMask(name, name[2:])
	case len(name) == maskDigits && consistsOf(name, hexadecimal):
		return parseMask(name, name)
	case len(name) > 2 && consistsOf(name, decimal):
		// 012 may be meant as either; guessing would explain the wrong thing.
		return Argument{}, fmt.Errorf("%q is neither a capability's number (0 to %d) nor a mask (%d hexadecimal digits, or fewer after 0x)", name, capability.Max, maskDigits)
	}
	c, err := capability.Parse(name)
	switch {
	case err == nil:
		return Argument{Kind: KindCapability, Capability: c}, nil
	case exists(text):
		return Argument{Kind: KindProfile, Path: text}, nil
	case consistsOf(name, hexadecimal) && len(name) >= maskDigits/2:
		return Argument{}, fmt.Errorf("%q has %d hexadecimal digits, and a mask has %d, or fewer after 0x", name, len(name), maskDigits)
	default:
		return Argument{}, fmt.Errorf("%w; and it is neither a mask (%d hexadecimal digits, or fewer after 0x) nor a file", err, maskDigits)
	}
}

const (
	decimal     = "0123456789"
	hexadecimal = decimal + "abcdefABCDEF"
)

func consistsOf(s, alphabet string) bool { return strings.Trim(s, alphabet) == "" }

func parseMask(name, digits string) (Argument, error) {
	switch {
	case digits == "" || !consistsOf(digits, hexadecimal):
		return Argument{}, fmt.Errorf("%q is not a mask: only hexadecimal digits may follow 0x", name)
	case len(digits) > maskDigits:
		return Argument{}, fmt.Errorf("the mask %q has %d digits, and a capability set has no more than %d", name, len(digits), maskDigits)
	}
	mask, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		return Argument{}, fmt.Errorf("reading the mask %q: %w", name, err)
	}
	return Argument{Kind: KindMask, Mask: capability.Set(mask)}, nil
}
