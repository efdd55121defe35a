package docker

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

func noEnvironment(string) (string, bool) { return "", false }

func noFiles(string) ([]byte, error) { return nil, fs.ErrNotExist }

func TestNothingIsEverPrivileged(t *testing.T) {
	body, err := createRequest(workload.Spec{Image: "x"}, capability.Known(), noEnvironment, noFiles)
	if err != nil {
		t.Fatal(err)
	}
	config, host := body.Config, body.HostConfig
	if host.Privileged || !slices.Equal(host.CapDrop, []string{"ALL"}) || len(host.CapAdd) != capability.Known().Len() {
		t.Errorf("%+v", host)
	}
	if config.OpenStdin || config.AttachStdin || config.StdinOnce || !config.AttachStdout || !config.AttachStderr {
		t.Errorf("streams of a workload that reads nothing: %+v", config)
	}
}

// TestTheTablesFieldsAreTheAPIs: an option whose field the API lacks would be one
// without effect.
func TestTheTablesFieldsAreTheAPIs(t *testing.T) {
	for _, o := range workload.Table {
		if o.Field == "" {
			continue
		}
		var value any
		names := strings.Split(o.Field, ".")
		for _, name := range slices.Backward(names) {
			value = map[string]any{name: value}
		}
		if err := (&createBody{}).fill(value.(map[string]any)); err != nil {
			t.Errorf("--%s: %v", o.Name, err)
		}
	}
	if err := (&createBody{}).fill(map[string]any{"HostConfig": map[string]any{"Nonsense": nil}}); err == nil {
		t.Error("the API has a field Nonsense")
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("/a:/b", "/dev/a:r", "A=b", "/x:size=1", "seccomp=unconfined")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, volume, device, variable, mount, security string) {
		w := workload.Spec{Options: workload.Options{}.Set("volume", volume).Set("device", device).Set("env", variable).Set("tmpfs", mount).Set("security-opt", security)}
		body, err := createRequest(w, capability.Of(), noEnvironment, noFiles)
		if err != nil {
			return
		}
		if host := body.HostConfig; host.Privileged || len(host.CapAdd) != 0 || !slices.Equal(host.CapDrop, []string{"ALL"}) {
			t.Fatalf("%+v", host)
		}
	})
}
