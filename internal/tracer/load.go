package tracer

import (
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// spare is an object that is loaded before it is needed: the kernel takes some 50 ms
// to verify the programs, in which the engine can be asked and the container made. One
// that nobody takes goes with the process, or with the tracer, because the library
// closes the descriptors of what is not referenced.
type spare struct {
	mu     sync.Mutex
	result chan loadResult // nil once taken
}

type loadResult struct {
	object *ebpf.Collection
	err    error
}

// loadSpare begins to load. The kernel's types are handed on because reading them
// takes a while too; afterwards nothing refers to them, which is most of what a
// tracer would hold in memory.
func loadSpare(kernel *btf.Spec, places []place) *spare {
	s := &spare{result: make(chan loadResult, 1)}
	result := s.result
	go func() {
		object, err := loadTrace(kernel, places, nil)
		result <- loadResult{object, err}
	}()
	return s
}

// take returns what was loaded, once.
func (s *spare) take() (loadResult, bool) {
	s.mu.Lock()
	result := s.result
	s.result = nil
	s.mu.Unlock()
	if result == nil {
		return loadResult{}, false
	}
	return <-result, true
}

// loaded returns programs that are attached to nothing and maps that are empty.
// The first call gets the spare ones. Later runs load their own: whether there is
// another traced run is known only when it comes, and nothing is left over from
// the run before.
func (t *Tracer) loaded() (*ebpf.Collection, error) {
	if t.shrink == nil {
		if result, ok := t.spare.take(); ok {
			return result.object, result.err
		}
	}
	return loadTrace(nil, t.places, t.shrink)
}

// loadTrace loads the programs of a trace and makes their maps. kernel may be nil.
func loadTrace(kernel *btf.Spec, places []place, shrink func(*ebpf.CollectionSpec)) (*ebpf.Collection, error) {
	spec, err := loadCapprof()
	if err != nil {
		return nil, fmt.Errorf("reading the BPF object: %w", err)
	}
	if err := configure(spec); err != nil {
		return nil, err
	}
	if shrink != nil {
		shrink(spec)
	}
	return load(spec, kernel, places)
}

// load loads an object with the programs for some places. kernel may be nil.
func load(spec *ebpf.CollectionSpec, kernel *btf.Spec, places []place) (*ebpf.Collection, error) {
	prune(spec, places)
	if err := setLowestAddress(spec); err != nil {
		return nil, err
	}
	object, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: kernel}})
	if err != nil {
		return nil, explainLoad(err)
	}
	return object, nil
}
