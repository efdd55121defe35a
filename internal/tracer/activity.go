package tracer

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Activity tells that something happened among the processes of one run's containers,
// so that nobody needs to ask again and again whether one is ready or quiet.
type Activity struct {
	room   *activities
	number uint32
	events chan struct{}
	// keys are the containers.
	keys   []activityTargetKey
	closed sync.Once
}

// activities is what all of a tracer share: programs that are attached while there is
// one, and a reader of what they send.
type activities struct {
	// loaded loads the programs, once.
	loaded func() (*ebpf.Collection, error)

	mu    sync.Mutex
	last  uint32 // the number of the newest one
	open  map[uint32]*Activity
	links []link.Link
	// reader gets the numbers of those in which something happened.
	reader *ringbuf.Reader
}

// newActivities makes a room that loads its programs when they are first asked for.
func newActivities(kernel *btf.Spec) *activities {
	return &activities{open: map[uint32]*Activity{}, loaded: sync.OnceValues(func() (*ebpf.Collection, error) {
		spec, err := loadActivity()
		if err != nil {
			return nil, fmt.Errorf("reading the BPF object: %w", err)
		}
		object, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: kernel}})
		if err != nil {
			return nil, explainLoad(err)
		}
		return object, nil
	})}
}

// Activity begins to tell what happens in a container, which must have been created and
// not started. The caller ends with Close.
func (t *Tracer) Activity(target Target) (*Activity, error) {
	a, err := t.activities.add()
	if err != nil {
		return nil, err
	}
	if err := a.Follow(target); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Events gets a value when a process of the containers was forked, executed a program
// or ended, or when a TCP socket of theirs began to listen. Several events may be one
// value. It may come a moment before what it tells of is there for all to see: the
// kernel says that a socket listens before it takes connections, and that a process
// ends before it is gone. Threads are no processes.
func (a *Activity) Events() <-chan struct{} { return a.events }

// Follow takes another container in, and must come before its start. One that is started
// again needs no second time.
func (a *Activity) Follow(target Target) error {
	object, err := a.room.loaded()
	if err != nil {
		return err
	}
	key, err := target.key()
	if err != nil {
		return err
	}
	own := activityTargetKey{Name: key.Name}
	if slices.Contains(a.keys, own) {
		return nil
	}
	if err := object.Maps[activityMapTargets].Update(own, activityTarget{Number: a.number}, ebpf.UpdateNoExist); err != nil {
		return fmt.Errorf("following the cgroup %s: %w", target.CgroupName, err)
	}
	a.keys = append(a.keys, own)
	return nil
}

// Close releases everything. Events gets nothing any more.
func (a *Activity) Close() {
	a.closed.Do(func() {
		if object, err := a.room.loaded(); err == nil {
			for _, key := range a.keys {
				_ = object.Maps[activityMapTargets].Delete(key) // an entry that is left over does no harm
			}
		}
		a.room.remove(a)
	})
}

// add makes an activity without a container, and attaches the programs for the first.
func (r *activities) add() (*Activity, error) {
	object, err := r.loaded()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) == 0 {
		if err := r.attach(object); err != nil {
			r.detach()
			return nil, err
		}
	}
	r.last++
	a := &Activity{room: r, number: r.last, events: make(chan struct{}, 1)}
	r.open[a.number] = a
	return a, nil
}

// remove takes an activity away, and detaches the programs after the last.
func (r *activities) remove(a *Activity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, a.number)
	if len(r.open) == 0 {
		r.detach()
	}
}

func (r *activities) attach(object *ebpf.Collection) (err error) {
	if r.reader, err = ringbuf.NewReader(object.Maps[activityMapHappened]); err != nil {
		return fmt.Errorf("opening the ring buffer: %w", err)
	}
	go r.read(r.reader, object.Variables[activityVarUnsaid])
	for _, name := range []string{activityProgNoteFork, activityProgNoteExec, activityProgNoteExit, activityProgNoteListen} {
		l, err := attachTracing(object.Programs[name])
		if err != nil {
			return explainLoad(fmt.Errorf("attaching %s: %w", name, err))
		}
		r.links = append(r.links, l)
	}
	return nil
}

func (r *activities) detach() {
	// Closing these does not fail in a way that could be fixed.
	_ = closeAll(r.links)
	if r.reader != nil {
		_ = r.reader.Close()
	}
	r.links, r.reader = nil, nil
}

// read tells the activities what the programs send, until the reader is closed.
func (r *activities) read(reader *ringbuf.Reader, unsaid *ebpf.Variable) {
	var record ringbuf.Record
	said, _ := lossesIn(unsaid) // from before
	for reader.ReadInto(&record) == nil {
		lost, err := lossesIn(unsaid)
		// Where an event had no room, nobody knows whose it was.
		r.tell(binary.NativeEndian.Uint32(record.RawSample), err != nil || lost != said)
		said = lost
	}
}

func lossesIn(unsaid *ebpf.Variable) (n uint64, err error) {
	err = unsaid.Get(&n)
	return n, err
}

// tell tells one activity that something happened, or all of them that it may have.
func (r *activities) tell(number uint32, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, a := range r.open {
		if n != number && !all {
			continue
		}
		select {
		case a.events <- struct{}{}:
		default: // there is one to be taken already
		}
	}
}
