package testimage

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
)

// What the images promise to hold, checked from inside.
func TestImages(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	e, err := testengine.ForSuite(ctx)
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	keep := func(reference string, err error) string {
		t.Helper()
		if err != nil {
			testengine.SkipOrFail(t, err)
		}
		t.Cleanup(func() {
			if err := Remove(context.WithoutCancel(ctx), e, reference); err != nil {
				t.Error(err)
			}
		})
		return reference
	}
	t.Cleanup(func() {
		if err := e.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	run := func(args ...string) (string, error) {
		return e.Output(ctx, append([]string{"run", "--rm", "--network", "none"}, args...)...)
	}

	t.Run("scratch", func(t *testing.T) {
		image := keep(Scratch(ctx, e))
		if _, err := run(image, Program, "nothing"); err != nil {
			t.Error(err)
		}
		if _, err := run("--cap-drop", "ALL", image, Program, "chown"); err == nil {
			t.Error("chown passes without a capability")
		}
		if _, err := run("--cap-drop", "ALL", "--cap-add", "CHOWN", image, Program, "chown"); err != nil {
			t.Error(err)
		}
	})
	t.Run("file capabilities", func(t *testing.T) {
		image := keep(FileCaps(ctx, e))
		if _, err := run("--cap-drop", "ALL", image); err == nil || !strings.Contains(err.Error(), "operation not permitted") {
			t.Errorf("without CAP_NET_RAW: %v, want a refusal to start", err)
		}
		if _, err := run("--cap-drop", "ALL", "--cap-add", "NET_RAW", "--user", "1000", image); err != nil {
			t.Error(err)
		}
	})
	t.Run("debian", func(t *testing.T) {
		start := time.Now()
		image := keep(Debian(ctx, e, os.Stderr))
		t.Logf("imported in %v", time.Since(start).Round(time.Millisecond))
		out, err := run(image, "sh", "-c", "getcap /usr/bin/ping; id -u alice; stat -c %U /data /home/alice; ls /etc/apt/sources.list.d")
		if err != nil {
			t.Fatal(err)
		}
		if want := "/usr/bin/ping cap_net_raw=ep\n1000\nredis\nalice"; out != want {
			t.Errorf("the image holds\n%s\nwant\n%s", out, want)
		}
	})
}

// The images of services say what their official ones say.
func TestServices(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	e, err := testengine.ForSuite(ctx)
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	images, err := Services(ctx, e, os.Stderr, ServiceNames()...)
	t.Cleanup(func() {
		lasting := context.WithoutCancel(ctx)
		if err := errors.Join(Remove(lasting, e, slices.Collect(maps.Values(images))...), e.Stop(lasting)); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	for name, want := range map[string]string{
		"nginx":    "map[80/tcp:{}] SIGQUIT map[] [nginx -g daemon off;]",
		"postgres": "map[5432/tcp:{}] SIGINT map[/var/lib/postgresql/data:{}] [postgres]",
		"node":     "map[3000/tcp:{}]  map[/srv/api/data:{}] [node server.js]",
	} {
		got, err := e.Output(ctx, "image", "inspect", "--format",
			"{{.Config.ExposedPorts}} {{.Config.StopSignal}} {{.Config.Volumes}} {{.Config.Cmd}}", images[name])
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	out, err := e.Output(ctx, "run", "--rm", "--network", "none", "--entrypoint", "sh", images["redis"], "-c",
		"command -v redis-server; stat -c '%U %a' /data /usr/local/bin/docker-entrypoint.sh")
	if want := "/usr/bin/redis-server\nredis 755\nroot 755"; err != nil || out != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}
