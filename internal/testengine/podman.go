package testengine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Podman is what SuiteEnv and New take for a Podman of the caller's own, in place of a
// storage driver of dockerd's.
const Podman = "podman"

// podmanSettings copies the machine's settings of Podman into a directory, which is to be
// mounted over them, and adds what a machine may need that confines root: Podman gives
// containers limits that only CAP_SYS_RESOURCE may raise.
func podmanSettings(dir string) error {
	if err := os.CopyFS(dir, os.DirFS(podmanConfiguration)); err != nil {
		return fmt.Errorf("copying Podman's settings: %w", err)
	}
	own := filepath.Join(dir, "containers.conf.d")
	if err := os.MkdirAll(own, 0o755); err != nil {
		return err
	}
	// A network backend whose programs are not installed may be the default.
	const text = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n[network]\nnetwork_backend = \"netavark\"\n"
	return os.WriteFile(filepath.Join(own, "capprof.conf"), []byte(text), 0o644)
}

// podmanConfiguration is where the machine's settings are.
const podmanConfiguration = "/etc/containers"

// podmanArguments are those of a service with everything of its own. The driver overlay gives
// a root directory a mode of its own, in which root without capabilities makes no file. runc works on every
// set-up of the control groups, and crun not where both versions have controllers.
func (d *daemon) podmanArguments() []string {
	in := func(name string) string { return filepath.Join(d.dir, name) }
	return []string{
		"--root", in("root"), "--runroot", in("run"), "--tmpdir", in("tmp"), "--storage-driver", "vfs",
		"--cgroup-manager", "cgroupfs", "--runtime", "runc", "system", "service", "--time=0", "unix://" + d.socket(),
	}
}

// removeContainers removes a Podman's containers: they are no processes of the service's.
func (d *daemon) removeContainers(ctx context.Context) error {
	e := &Engine{Host: "unix://" + d.socket()}
	ids, err := e.Lines(ctx, "ps", "--all", "--quiet", "--no-trunc")
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = e.Output(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...)
	return err
}

// lookFor finds the program of an engine.
func lookFor(driver string) error {
	program, reason := "dockerd", NoDockerd
	if driver == Podman {
		program, reason = "podman", NoPodman
	}
	if _, err := exec.LookPath(program); err != nil {
		return &unavailable{reason, err}
	}
	return nil
}
