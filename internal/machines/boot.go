package machines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Command is what a machine runs.
type Command struct {
	// Userland is a suite of Debian; Kernel is one too, or SUITE:VERSION for the newest
	// kernel of that version in the suite and its backports. Empty means the userland's.
	Userland, Kernel string
	// Args is the command, which starts in /share as root.
	Args []string
	// Share is a directory whose content is at /share in the machine, with modes and
	// symbolic links; what the command leaves in /share/out comes back to its out. It may
	// be empty.
	Share string
	// Timeout is how long the machine may take altogether.
	Timeout time.Duration
	// Append is added to the kernel's command line.
	Append string
	// Output gets what the command writes to standard output and standard error, at once.
	Output io.Writer
}

// accelEnv names the environment variable with what qemu is to accelerate the machine by.
const accelEnv = "CAPPROF_VM_ACCEL"

// memory is that of a machine; it uses what it needs.
const memory = "3G"

// outSize is the most that comes back from a machine.
const outSize = 256 << 20

// Prepare builds what the machine needs and is not in the cache.
func (c *Cache) Prepare(ctx context.Context, userland, kernel string) error {
	_, _, done, err := c.parts(ctx, userland, kernel)
	if err == nil {
		done()
	}
	return err
}

// parts returns the machine's kernel and its disk, and a function to call when they are not
// used any more.
func (c *Cache) parts(ctx context.Context, userland, kernelSpec string) (k kernel, root string, done func(), err error) {
	if kernelSpec == "" {
		kernelSpec = userland
	}
	p, err := c.kernelPart(ctx, kernelSpec)
	if err != nil {
		return kernel{}, "", nil, err
	}
	dir, kernelDone, err := c.have(ctx, p)
	if err != nil {
		return kernel{}, "", nil, err
	}
	if k, err = kernelIn(dir); err != nil {
		kernelDone()
		return kernel{}, "", nil, err
	}
	if p, err = c.userlandPart(ctx, userland); err == nil {
		var rootDone func()
		if dir, rootDone, err = c.have(ctx, p); err == nil {
			return k, filepath.Join(dir, userlandDisk), func() { rootDone(); kernelDone() }, nil
		}
	}
	kernelDone()
	return kernel{}, "", nil, err
}

// Run boots a machine for one command and returns its exit status. An error means that the
// machine itself failed, or that the time was over: then it wraps context.DeadlineExceeded.
func (c *Cache) Run(ctx context.Context, command Command) (status int, err error) {
	k, root, done, err := c.parts(ctx, command.Userland, command.Kernel)
	if err != nil {
		return 0, err
	}
	defer done()
	work, leave, err := c.workIn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, leave()) }()
	if err := pack(ctx, command, work); err != nil {
		return 0, fmt.Errorf("packing what the machine gets: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, command.Timeout, fmt.Errorf("no end within %s: %w", command.Timeout, context.DeadlineExceeded))
	defer cancel()
	if err := boot(ctx, command, k, root, work); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(filepath.Join(work, "status"))
	if err != nil {
		return 0, err
	}
	if status, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		return 0, fmt.Errorf("the machine stopped before the command ended:\n%s", tail(filepath.Join(work, "console")))
	}
	if command.Share == "" {
		return status, nil
	}
	if err := os.MkdirAll(filepath.Join(command.Share, "out"), 0o755); err != nil {
		return 0, err
	}
	if _, err := run(ctx, "tar", "-C", command.Share, "-xf", filepath.Join(work, "out.tar")); err != nil {
		return 0, fmt.Errorf("taking what the machine gives: %w", err)
	}
	return status, nil
}

// workIn makes a directory for a run, and removes those of runs that were killed: what holds
// a directory's lock lives.
func (c *Cache) workIn(ctx context.Context) (dir string, leave func() error, err error) {
	all, err := lock(ctx, filepath.Join(c.dir, "runs.lock"), exclusive)
	if err != nil {
		return "", nil, err
	}
	defer all.unlock()
	runs, err := filepath.Glob(filepath.Join(c.dir, "run-*"))
	if err != nil {
		return "", nil, err
	}
	for _, run := range runs {
		l, err := tryLock(filepath.Join(run, "lock"))
		if err != nil {
			continue
		}
		err = os.RemoveAll(run)
		l.unlock()
		if err != nil {
			return "", nil, fmt.Errorf("removing what a killed run left: %w", err)
		}
	}
	if dir, err = os.MkdirTemp(c.dir, "run-"); err != nil {
		return "", nil, err
	}
	held, err := tryLock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, func() error { defer held.unlock(); return os.RemoveAll(dir) }, nil
}

// pack makes the files behind the disks and ports of a run.
func pack(ctx context.Context, command Command, work string) error {
	share := filepath.Join(work, "share")
	if err := os.Mkdir(share, 0o755); err != nil {
		return err
	}
	var script strings.Builder
	script.WriteString("cd /share\n")
	for _, arg := range command.Args {
		script.WriteString("'" + strings.ReplaceAll(arg, "'", `'\''`) + "' ")
	}
	if err := os.WriteFile(filepath.Join(share, ".command"), []byte(script.String()+"\n"), 0o644); err != nil {
		return err
	}
	args := []string{"--owner=0", "--group=0", "-cf", filepath.Join(work, "share.tar"), "-C", share, ".command"}
	if command.Share != "" {
		args = append(args, "-C", command.Share, "--exclude=./out", ".")
	}
	if _, err := run(ctx, "tar", args...); err != nil {
		return err
	}
	for _, name := range []string{"out.tar", "output", "status"} {
		if err := os.WriteFile(filepath.Join(work, name), nil, 0o644); err != nil {
			return err
		}
	}
	return os.Truncate(filepath.Join(work, "out.tar"), outSize)
}

// boot runs qemu until the machine goes off.
func boot(ctx context.Context, command Command, k kernel, root, work string) error {
	accel := os.Getenv(accelEnv)
	if accel == "" {
		accel = "tcg"
	}
	output, follow, err := os.Pipe()
	if err != nil {
		return err
	}
	defer output.Close()
	disk := func(file, more string) string {
		return "file=" + file + ",if=virtio,format=raw,cache=unsafe" + more
	}
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		// One processor: two crash kernels under emulation while tracepoints are attached
		// (Oops: int3).
		"-accel", accel, "-cpu", "max", "-smp", "1", "-m", memory,
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "file:"+filepath.Join(work, "console"),
		"-kernel", k.image, "-initrd", k.initramfs,
		"-append", strings.TrimSpace("console=ttyS0 panic=-1 mitigations=off quiet systemd.unit=vm.target apparmor=1 security=apparmor "+command.Append),
		"-drive", disk(root, ",snapshot=on"), // writes go to a file that is gone with qemu
		"-drive", disk(k.modules, ",readonly=on"),
		"-drive", disk(filepath.Join(work, "share.tar"), ""),
		"-drive", disk(filepath.Join(work, "out.tar"), ""),
		"-device", "virtio-serial-pci",
		"-chardev", "file,id=output,path=/dev/stdout", "-device", "virtserialport,chardev=output,nr=1",
		"-chardev", "file,id=status,path="+filepath.Join(work, "status"), "-device", "virtserialport,chardev=status,nr=2",
	)
	cmd.Env = append(os.Environ(), "TMPDIR="+work)
	var complaints strings.Builder
	cmd.Stdout, cmd.Stderr = follow, &complaints
	if err := errors.Join(cmd.Start(), follow.Close()); err != nil {
		return fmt.Errorf("starting qemu: %w", err)
	}
	_, copied := io.Copy(command.Output, output)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("%w; its console ends with\n%s", context.Cause(ctx), tail(filepath.Join(work, "console")))
	}
	if err != nil {
		return fmt.Errorf("qemu: %w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return copied
}

// tail is the end of what a machine wrote to its console.
func tail(console string) string {
	const most = 2000
	text, err := os.ReadFile(console)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
