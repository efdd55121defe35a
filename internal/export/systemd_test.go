package export_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/export"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

var update = flag.Bool("update", false, "write the golden files anew")

// plain is a profile as plain processes give it.
func plain(d *profile.Document, options workload.Options, command ...string) *profile.Document {
	d.Workload.Image, d.Workload.Options, d.Workload.Command = profile.Image{}, options, command
	d.Environment.Engine, d.Environment.Seccomp, d.Portable = workload.PlainEngine, "unconfined", nil
	d.Capabilities.Baseline = capability.Known()
	return d
}

func TestSystemd(t *testing.T) {
	unit := workload.Options{}.Set("unit", "web").Set("network", "host")
	for name, d := range map[string]*profile.Document{
		"root":        plain(profiletest.Proven(), unit),
		"user":        plain(profiletest.Proven(), unit.Set("user", "www-data")),
		"root-empty":  plain(profiletest.Empty(), unit.Set("user", "0")),
		"user-empty":  plain(profiletest.Empty(), unit.Set("user", "1000:1000").Set("security-opt", "no-new-privileges")),
		"command":     plain(profiletest.Proven(), workload.Options{}, "sh", "-c", "a; b\nc"),
		"confirmed":   plain(profiletest.Sample(profile.Confirmed), unit),
		"service":     plain(profiletest.Service(), unit),
		"incomplete":  plain(profiletest.Sample(profile.Incomplete), unit),
		"no-template": plain(profiletest.Proven(), unit.Set("unit", "getty@tty1.service")),
	} {
		t.Run(name, func(t *testing.T) {
			got := exported(t, "systemd", d)
			golden := filepath.Join("testdata", name+".systemd.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("%v\n%s\nwant\n%s", err, got, want)
			}
			verify(t, got)
		})
	}
}

// verify has systemd look at a drop-in, next to a service that it is for.
func verify(t *testing.T, dropIn string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("systemd-analyze is not installed")
		return
	}
	if said := analyzed(t, dropIn); said != "" {
		t.Errorf("systemd-analyze verify:\n%s", said)
	}
	if analyzed(t, dropIn+"Nonsense=1\n") == "" {
		t.Error("systemd-analyze verify takes nonsense")
	}
}

// analyzed is what systemd says of a service with a drop-in; "" for nothing.
func analyzed(t *testing.T, dropIn string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "web.service")
	if err := os.WriteFile(file, []byte("[Service]\nExecStart=/bin/true\n"+dropIn), 0o644); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	// --man: pages that are not installed are no fault.
	cmd := exec.Command("systemd-analyze", "verify", "--man=no", file)
	cmd.Stdout, cmd.Stderr = &said, &said
	// Of other units of the machine it speaks too.
	if err := cmd.Run(); err != nil || strings.Contains(said.String(), file) {
		return fmt.Sprint(said.String(), err)
	}
	return ""
}

func TestPlainProcessesAreNoContainer(t *testing.T) {
	d := plain(profiletest.Proven(), workload.Options{}, "true")
	for _, format := range []string{"compose", "docker", "k8s", "label", "podman", "quadlet"} {
		exporter, err := export.Lookup(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := exporter.Export(&bytes.Buffer{}, d); !errors.Is(err, export.ErrNoAnswer) || !strings.Contains(err.Error(), "--format systemd") {
			t.Errorf("%s: %v", format, err)
		}
	}
	exporter, err := export.Lookup("systemd")
	if err != nil {
		t.Fatal(err)
	}
	if err := exporter.Export(&bytes.Buffer{}, profiletest.Proven()); !errors.Is(err, export.ErrNoAnswer) || !strings.Contains(err.Error(), "--engine host") {
		t.Errorf("a container: %v", err)
	}
}
