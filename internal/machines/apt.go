package machines

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keyring is what the archive's signatures are checked with.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// defaultMirror is taken where the machine itself has no Debian archive.
const defaultMirror = "http://deb.debian.org/debian"

// listsAge is how long package lists are taken as they are. A machine is built anew when a
// package in it has changed, at the latest after that time.
const listsAge = 12 * time.Hour

// withSecurity and withBackports are the suites that have these beside them.
var (
	withSecurity  = []string{"bullseye", "bookworm", "trixie"}
	withBackports = []string{"bookworm", "trixie"}
)

// suite is a release of Debian with a package database of its own.
type suite struct {
	name string
	// dir is the root of what apt knows of it.
	dir string
}

// suite returns a suite, whose lists are fetched where there are none of late.
func (c *Cache) suite(ctx context.Context, name string) (*suite, error) {
	s := &suite{name: name, dir: filepath.Join(c.dir, "suite-"+name)}
	l, err := lock(ctx, s.dir+".lock", exclusive)
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	fetched := filepath.Join(s.dir, "fetched")
	if !olderThan(fetched, listsAge) {
		return s, nil
	}
	for _, dir := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			return nil, err
		}
	}
	sources, err := sources(ctx, name)
	if err != nil {
		return nil, err
	}
	settings, err := run(ctx, "apt-config", "dump", "Acquire")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		os.WriteFile(s.sources(), []byte(sources), 0o644),
		// How this machine reaches and trusts its archive: proxies, Check-Valid-Until.
		os.WriteFile(s.settings(), settings, 0o644),
		os.WriteFile(filepath.Join(s.dir, "var/lib/dpkg/status"), nil, 0o644), // nothing is installed
	); err != nil {
		return nil, err
	}
	if _, err := s.apt(ctx, "apt-get", "update", "--error-on=any"); err != nil {
		return nil, fmt.Errorf("reading the package lists of %s: %w", name, err)
	}
	return s, os.WriteFile(fetched, nil, 0o644)
}

func (s *suite) sources() string  { return filepath.Join(s.dir, "etc/apt/sources.list") }
func (s *suite) settings() string { return filepath.Join(s.dir, "etc/apt/apt.conf") }

// apt runs a command of apt's on the suite.
func (s *suite) apt(ctx context.Context, command string, args ...string) (string, error) {
	return s.aptIn(ctx, "", command, args...)
}

func (s *suite) aptIn(ctx context.Context, dir, command string, args ...string) (string, error) {
	out, err := runIn(ctx, dir, command, append([]string{
		"-qq", "-o", "Dir=" + s.dir, "-o", "Dir::State::status=" + filepath.Join(s.dir, "var/lib/dpkg/status"),
		"-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=root", "-o", "APT::Install-Recommends=false",
	}, args...)...)
	return string(out), err
}

// sources are the suite's lines of sources.list(5), from the mirrors that this machine uses.
func sources(ctx context.Context, name string) (string, error) {
	targets, err := run(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(SITE)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	archive, security := mirrors(string(targets))
	var out strings.Builder
	line := func(uri, suite string) { fmt.Fprintf(&out, "deb [signed-by=%s] %s %s main\n", keyring, uri, suite) }
	line(archive, name)
	if slices.Contains(withSecurity, name) && security != "" {
		line(security, name+"-security")
	}
	if slices.Contains(withBackports, name) {
		line(archive, name+"-backports")
	}
	return out.String(), nil
}

// mirrors finds Debian's archive and its security archive among the lines of apt-get
// indextargets, "URI RELEASE ...".
func mirrors(targets string) (archive, security string) {
	for line := range strings.Lines(targets) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.Contains(fields[0], "debian") {
			continue
		}
		if release := fields[1]; strings.HasSuffix(release, "-security") {
			security = cmp.Or(security, fields[0])
		} else if !strings.Contains(release, "-") {
			archive = cmp.Or(archive, fields[0])
		}
	}
	return cmp.Or(archive, defaultMirror), security
}

// contents returns the lines of apt-get --print-uris without the places that packages come
// from: "FILE SIZE HASH", where FILE has the version. Not all archives give a hash.
func contents(uris string) ([]string, error) {
	var found []string
	for line := range strings.Lines(uris) {
		if _, rest, ok := strings.Cut(strings.TrimSpace(line), "' "); ok {
			found = append(found, rest)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("apt-get --print-uris gives no package")
	}
	slices.Sort(found)
	return found, nil
}

// keyLength is that of a key.
const keyLength = 16

// key hashes what decides how something is built.
func key(parts ...[]string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%q\n", part)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))[:keyLength]
}
