package tracer

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// Watch notes which capabilities one container is denied, and nothing else. It is
// what a run can carry that need not be explained: without the system call
// tracepoints it costs next to nothing.
type Watch struct {
	watcher *watcher
	key     capprofTargetKey
	closed  sync.Once
}

// watcher is what all watches of a tracer share: programs that are attached while
// there is one, and maps with an entry for each.
type watcher struct {
	hook hook
	// loaded loads the programs, once.
	loaded func() (*ebpf.Collection, error)

	mu      sync.Mutex
	watches int
	links   []link.Link
}

// newWatcher makes a watcher that loads its programs when they are first asked for.
func newWatcher(h hook, kernel *btf.Spec) *watcher {
	return &watcher{hook: h, loaded: sync.OnceValues(func() (*ebpf.Collection, error) {
		spec, err := loadWatch()
		if err != nil {
			return nil, fmt.Errorf("reading the BPF object: %w", err)
		}
		return load(spec, kernel, h)
	})}
}

// Watch begins to watch a container, which must have been created and not started.
// The caller ends with Close.
func (t *Tracer) Watch(target Target) (*Watch, error) {
	object, err := t.watcher.loaded()
	if err != nil {
		return nil, err
	}
	w := &Watch{watcher: t.watcher}
	if w.key, err = target.key(); err != nil {
		return nil, err
	}
	targets := object.Maps[watchMapTargets]
	if err := targets.Update(w.key, watchTarget{}, ebpf.UpdateNoExist); err != nil {
		return nil, fmt.Errorf("following the cgroup %s: %w", target.CgroupName, err)
	}
	if err := t.watcher.attach(object); err != nil {
		return nil, errors.Join(err, targets.Delete(w.key))
	}
	return w, nil
}

// attach attaches the programs for the first watch.
func (w *watcher) attach(object *ebpf.Collection) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches == 0 {
		l, err := attachTracing(object.Programs[watchProgOnExec])
		if err != nil {
			return explainLoad(fmt.Errorf("attaching %s: %w", watchProgOnExec, err))
		}
		links, err := w.hook.attachTo(object.Programs)
		if err != nil {
			return explainLoad(errors.Join(err, l.Close()))
		}
		w.links = append(links, l)
	}
	w.watches++
	return nil
}

// detach detaches them after the last one.
func (w *watcher) detach() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches--; w.watches > 0 {
		return
	}
	_ = closeAll(w.links) // closing a link's descriptor does not fail in a way that could be fixed
	w.links = nil
}

// Seen returns what was seen so far. Until a program has started in the container,
// that is a loss.
func (w *Watch) Seen() (observation.Watched, error) {
	var watched observation.Watched
	object, err := w.watcher.loaded()
	if err != nil {
		return watched, err
	}
	var target watchTarget
	if err := object.Maps[watchMapTargets].Lookup(w.key, &target); err != nil {
		return watched, fmt.Errorf("reading which cgroup is watched: %w", err)
	}
	var container watchContainer
	if target.Cgroup != 0 {
		if err := object.Maps[watchMapContainers].Lookup(target.Cgroup, &container); err != nil {
			return watched, fmt.Errorf("reading what was denied: %w", err)
		}
	}
	if container.Executions == 0 {
		watched.Losses.Unseen = 1
		return watched, nil
	}
	for c, yes := range container.Denied {
		if yes != 0 {
			watched.Denied = watched.Denied.With(capability.Cap(c))
		}
	}
	return watched, nil
}

// Close releases everything.
func (w *Watch) Close() {
	w.closed.Do(func() {
		w.watcher.detach()
		object, err := w.watcher.loaded()
		if err != nil {
			return
		}
		// An entry that is left over does no harm.
		var target watchTarget
		if object.Maps[watchMapTargets].Lookup(w.key, &target) == nil {
			_ = object.Maps[watchMapContainers].Delete(target.Cgroup)
		}
		_ = object.Maps[watchMapTargets].Delete(w.key)
	})
}
