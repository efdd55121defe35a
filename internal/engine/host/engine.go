// Package host implements engine.Engine for plain processes: without an engine, on the
// machine's own root, in namespaces and a cgroup that capprof makes for each container.
//
// What a run writes goes into an overlay in memory, so that runs do not see each other and
// nothing stays. Everything but a cgroup directory belongs to capprof's own descriptors and
// processes, and so it ends with capprof, however that ends.
package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/owner"
	"github.com/capprof/capprof/internal/workload"
)

// Options are what the caller wants to be told.
type Options struct {
	// Note is called with what could not be had as it is on the machine; nil for nobody.
	Note func(sentence string)
	// Log takes what was made and why; nil for none.
	Log *slog.Logger
}

// Engine makes containers of plain processes.
type Engine struct {
	session string
	owner   owner.Owner
	environ []string
	note    func(string)
	log     *slog.Logger
	counter atomic.Uint64
}

var _ engine.Engine = (*Engine)(nil)

// New prepares the engine. It takes root, and looks at nothing yet.
func New(o Options) (*Engine, error) {
	self, err := owner.Current()
	if err != nil {
		return nil, err
	}
	session := make([]byte, 6)
	if _, err := rand.Read(session); err != nil {
		return nil, err
	}
	e := &Engine{session: hex.EncodeToString(session), owner: self, environ: os.Environ(), note: o.Note, log: o.Log}
	if e.note == nil {
		e.note = func(string) {}
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	return e, nil
}

// lookupEnv is os.LookupEnv.
func (e *Engine) lookupEnv(name string) (string, bool) { return os.LookupEnv(name) }

// Facts are those of this machine, and what this process can hand on.
func (e *Engine) Facts(ctx context.Context) (engine.Facts, error) {
	if err := ctx.Err(); err != nil {
		return engine.Facts{}, err
	}
	if os.Geteuid() != 0 {
		return engine.Facts{}, fmt.Errorf("%w: plain processes are made by root alone, since they are given capabilities: run capprof with sudo", engine.ErrNoEngine)
	}
	if _, err := findUnified(); err != nil {
		return engine.Facts{}, fmt.Errorf("%w: %w", engine.ErrNoEngine, err)
	}
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		return engine.Facts{}, err
	}
	release := unix.ByteSliceToString(names.Release[:])
	held, err := held()
	if err != nil {
		return engine.Facts{}, err
	}
	return engine.Facts{
		Name: workload.PlainEngine, Version: release, KernelRelease: release, Architecture: runtime.GOARCH, CgroupVersion: "2", CgroupDriver: "cgroupfs",
		StorageDriver: "overlay", Endpoint: "this machine", SameKernel: true, Devices: devices(),
		Ambient:             true,
		DefaultCapabilities: held.Intersect(capability.Known()),
		Seccomp:             engine.Seccomp{Name: engine.Unconfined},
	}, nil
}

// held is what this process can hand on: what it has itself and may pass through execve(2).
func held() (capability.Set, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var now [2]unix.CapUserData
	if err := unix.Capget(&header, &now[0]); err != nil {
		return 0, fmt.Errorf("reading the capabilities of capprof: %w", err)
	}
	set := capability.Set(now[0].Permitted) | capability.Set(now[1].Permitted)<<32
	for c := range set.All() {
		if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err != nil || has == 0 {
			set = set.Without(c)
		}
	}
	return set, nil
}

// devices are the nodes below /dev, and the directories of them.
func devices() []string {
	var all []string
	_ = filepath.WalkDir("/dev", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type()&fs.ModeDevice != 0 {
			all = append(all, path)
		}
		return nil // what cannot be read has none that can be used
	})
	return all
}

// Describe finds nothing: plain processes are no containers that could be read.
func (e *Engine) Describe(_ context.Context, container string) (engine.Description, error) {
	return engine.Description{}, fmt.Errorf("%w: %q: plain processes are no containers; --unit takes what to run from a service of systemd", engine.ErrNoContainer, container)
}

// Close has nothing to release: what was made belongs to its containers.
func (e *Engine) Close() error { return nil }
