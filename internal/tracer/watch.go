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
// tracepoints it costs next to nothing. Several may be there at one time, beside
// sessions.
type Watch struct {
	watcher *watcher
	key     watchCgroupKey
	closed  sync.Once
}

// watcher is what all watches of a tracer share: programs that are attached while
// there is one, and a map with an entry for each.
type watcher struct {
	hook hook
	// loaded loads the programs, once.
	loaded func() (*watchObjects, error)

	mu      sync.Mutex
	watches int
	links   []link.Link
}

// newWatcher makes a watcher that loads its programs when they are first asked for.
func newWatcher(hook hook, kernel *btf.Spec) *watcher {
	return &watcher{hook: hook, loaded: sync.OnceValues(func() (*watchObjects, error) {
		objects := &watchObjects{}
		options := &ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: kernel}}
		if err := loadWatchObjects(objects, options); err != nil {
			return nil, explainLoad(err)
		}
		return objects, nil
	})}
}

// Watch begins to watch the container whose cgroup directory has the name
// cgroupName, as Attach begins to trace one.
func (t *Tracer) Watch(cgroupName string) (*Watch, error) {
	objects, err := t.watcher.loaded()
	if err != nil {
		return nil, err
	}
	w := &Watch{watcher: t.watcher}
	if w.key.Name, err = cgroupKey(cgroupName); err != nil {
		return nil, err
	}
	if err := objects.Containers.Put(w.key, watchWatched{}); err != nil {
		return nil, fmt.Errorf("telling the watch the container's cgroup: %w", err)
	}
	if err := t.watcher.attach(objects); err != nil {
		return nil, errors.Join(err, objects.Containers.Delete(w.key))
	}
	return w, nil
}

// attach attaches the programs for the first watch.
func (w *watcher) attach(objects *watchObjects) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches == 0 {
		l, err := link.AttachTracing(link.TracingOptions{Program: objects.OnExec})
		if err != nil {
			return explainLoad(fmt.Errorf("attaching %s: %w", watchProgOnExec, err))
		}
		links, err := w.hook.attach(map[string]*ebpf.Program{watchProgOnCapCapable: objects.OnCapCapable})
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
	for _, l := range w.links {
		_ = l.Close() // closing a link's descriptor does not fail in a way that could be mended
	}
	w.links = nil
}

// Seen returns what was seen so far. Until a program has started in the container,
// that is a loss.
func (w *Watch) Seen() (observation.Watched, error) {
	var watched observation.Watched
	objects, err := w.watcher.loaded()
	if err != nil {
		return watched, err
	}
	var container watchWatched
	if err := objects.Containers.Lookup(w.key, &container); err != nil {
		return watched, fmt.Errorf("reading which cgroup is watched: %w", err)
	}
	if container.Cgroup == 0 {
		watched.Losses.Unseen = 1
		return watched, nil
	}
	var seen watchDenied
	if err := objects.Inside.Lookup(container.Cgroup, &seen); err != nil {
		return watched, fmt.Errorf("reading what was denied: %w", err)
	}
	for c, yes := range seen.Capability {
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
		objects, err := w.watcher.loaded()
		if err != nil {
			return
		}
		// An entry that is left over does no harm.
		var container watchWatched
		if objects.Containers.Lookup(w.key, &container) == nil {
			_ = objects.Inside.Delete(container.Cgroup)
		}
		_ = objects.Containers.Delete(w.key)
	})
}
