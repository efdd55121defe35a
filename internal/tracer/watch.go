package tracer

import (
	"fmt"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// Watch notes which capabilities the containers of one run are denied, and nothing else.
// It is what a run can carry that need not be explained: without the system call
// tracepoints it costs next to nothing.
type Watch struct {
	watcher *watcher
	// starts is how many starts of containers are watched, keys are the containers.
	starts int
	keys   []capprofTargetKey
	// ended are the cgroups of earlier starts of containers that were started again.
	ended  []uint64
	closed sync.Once
}

// watcher is what all watches of a tracer share: programs that are attached while
// there is one, and maps with an entry for each.
type watcher struct {
	// places are those at which the programs run.
	places []place
	// loaded loads the programs, once.
	loaded func() (*ebpf.Collection, error)

	mu      sync.Mutex
	watches int
	// additions counts the starts that the programs were told of.
	additions uint64
	links     []link.Link
}

// newWatcher makes a watcher of places that see checks. It loads its programs when they are first asked for.
func newWatcher(seen []place, kernel *btf.Spec) *watcher {
	places := slices.Concat([]place{{program: watchProgOnExec, attach: attachTracing}}, seen)
	return &watcher{places: places, loaded: sync.OnceValues(func() (*ebpf.Collection, error) {
		spec, err := loadWatch()
		if err != nil {
			return nil, fmt.Errorf("reading the BPF object: %w", err)
		}
		return load(spec, kernel, places)
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
	if err := t.watcher.attach(object); err != nil {
		return nil, err
	}
	if err := w.Follow(target); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Follow takes a further start into the watch, and must come before it: that of another
// container, or of one that has ended and is about to be started again.
func (w *Watch) Follow(target Target) error {
	object, err := w.watcher.loaded()
	if err != nil {
		return err
	}
	key, err := target.key()
	if err != nil {
		return err
	}
	targets, flags := object.Maps[watchMapTargets], ebpf.UpdateNoExist
	again := slices.Contains(w.keys, key)
	if again {
		var earlier watchTarget
		if err := targets.Lookup(key, &earlier); err != nil {
			return fmt.Errorf("reading which cgroup is watched: %w", err)
		}
		if earlier.Cgroup != 0 {
			w.ended = append(w.ended, earlier.Cgroup)
		}
		flags = ebpf.UpdateExist
	}
	if err := targets.Update(key, watchTarget{}, flags); err != nil {
		return fmt.Errorf("following the cgroup %s: %w", target.CgroupName, err)
	}
	if !again {
		w.keys = append(w.keys, key)
	}
	w.starts++
	return w.watcher.added(object)
}

// cgroups are those of the starts that were found, the ended ones included.
func (w *Watch) cgroups(targets *ebpf.Map) ([]uint64, error) {
	cgroups := slices.Clone(w.ended)
	for _, key := range w.keys {
		var target watchTarget
		if err := targets.Lookup(key, &target); err != nil {
			return nil, fmt.Errorf("reading which cgroup is watched: %w", err)
		}
		if target.Cgroup != 0 {
			cgroups = append(cgroups, target.Cgroup)
		}
	}
	return cgroups, nil
}

// attach attaches the programs for the first watch.
func (w *watcher) attach(object *ebpf.Collection) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches == 0 {
		links, err := attachAll(object, w.places)
		if err != nil {
			return explainLoad(err)
		}
		w.links = links
	}
	w.watches++
	return nil
}

// added tells the programs that a start is to be looked for.
func (w *watcher) added(object *ebpf.Collection) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.additions++
	return added(object, w.additions)
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

// Seen returns what was seen so far. Each start after which no program has started in the
// container is a loss.
func (w *Watch) Seen() (observation.Watched, error) {
	var watched observation.Watched
	object, err := w.watcher.loaded()
	if err != nil {
		return watched, err
	}
	cgroups, err := w.cgroups(object.Maps[watchMapTargets])
	if err != nil {
		return watched, err
	}
	unseen := w.starts
	for _, cgroup := range cgroups {
		var container watchContainer
		if err := object.Maps[watchMapContainers].Lookup(cgroup, &container); err != nil {
			return watched, fmt.Errorf("reading what was denied: %w", err)
		}
		if container.Executions > 0 {
			unseen--
		}
		for c, yes := range container.Denied {
			if yes != 0 {
				watched.Denied = watched.Denied.With(capability.Cap(c))
			}
		}
	}
	watched.Losses.Unseen = uint64(unseen)
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
		targets := object.Maps[watchMapTargets]
		cgroups, _ := w.cgroups(targets)
		for _, key := range w.keys {
			_ = targets.Delete(key)
		}
		for _, cgroup := range cgroups {
			_ = object.Maps[watchMapContainers].Delete(cgroup)
		}
	})
}
