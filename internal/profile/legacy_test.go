package profile_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/remedy"
)

// TestWorkloadsComeForward: the options of before were spelled out, each in a field.
func TestWorkloadsComeForward(t *testing.T) {
	old := func(change func(w map[string]any)) string {
		return edit(t, func(tree map[string]any) {
			w := map[string]any{
				"command": []string{"x"}, "entrypoint": []string{"/bin/sh", "-c"}, "env": []string{"A=1"}, "volumes": []string{"/a:/b"},
				"workingDir": "/w", "user": "1000", "network": "none", "sysctls": map[string]string{"net.a": "1"}, "securityOpt": []string{"label:disable"},
				"devices": []string{"/dev/kvm"}, "tmpfs": []string{"/t"}, "readOnly": true, "interactive": false, "tty": false, "cgroupns": "host",
				"capAdd": []string{"KILL"}, "capDrop": []string{}, "privileged": false, "expectExit": 0, "image": tree["workload"].(map[string]any)["image"],
			}
			change(w)
			tree["workload"] = w
		})
	}
	d, err := profile.Decode(strings.NewReader(old(func(map[string]any) {})))
	if err != nil {
		t.Fatal(err)
	}
	w := d.Workload
	if strings.Join(w.Command, " ") != "-c x" || w.Options.Value("entrypoint") != "/bin/sh" || w.Options.Sysctls()["net.a"] != "1" ||
		!w.Options.Bool("read-only") || w.Options.Bool("tty") || w.Options.Value("cgroupns") != "host" || len(w.Options.All()) != 13 || w.Image.Reference == "" {
		t.Errorf("%+v", w)
	}
	for want, change := range map[string]func(w map[string]any){
		"workload.env: missing":                                 func(w map[string]any) { delete(w, "env") },
		"workload.colour: unknown field":                        func(w map[string]any) { w["colour"] = "red" },
		"workload.user: a number where a string belongs":        func(w map[string]any) { w["user"] = 1 },
		"workload.expectExit: missing":                          func(w map[string]any) { delete(w, "expectExit") },
		`workload.options.device: "kvm": the path is not absol`: func(w map[string]any) { w["devices"] = []string{"kvm"} },
	} {
		if _, err := profile.Decode(strings.NewReader(old(change))); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestSentencesBecomeRemedies: the profiles of before had their advice in words.
func TestSentencesBecomeRemedies(t *testing.T) {
	d, err := profile.Load(filepath.Join("..", "..", "profiles", "nginx.json"))
	if err != nil {
		t.Fatal(err)
	}
	in := 0
	for _, r := range d.Required {
		for _, denial := range r.Evidence {
			for _, way := range denial.Remedies {
				if way.Kind != remedy.Text || way.Text == "" {
					t.Errorf("%s: %+v", denial.Object, way)
				}
				in++
			}
		}
	}
	if in == 0 {
		t.Error("no remedies")
	}
}
