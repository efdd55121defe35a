package trial

import (
	"errors"
	"io"
	"sync"
)

// Input is a standard input that many runs read, each from its beginning. What
// the first reader draws from the source is kept for the others.
type Input struct {
	mu     sync.Mutex
	more   *sync.Cond
	source io.Reader
	data   []byte
	err    error // io.EOF at the end
	once   sync.Once

	sealing sync.Once
	sealed  func()
}

// NewInput keeps what is read from source. Reading begins with the first run.
func NewInput(source io.Reader) *Input {
	in := &Input{source: source}
	in.more = sync.NewCond(&in.mu)
	return in
}

// Reader starts at the beginning. Closing it ends a Read that waits.
func (in *Input) Reader() io.ReadCloser {
	in.once.Do(func() { go in.draw() })
	return &inputReader{in: in}
}

// Seal ends the input for all readers at what has been read so far. Once a run has
// passed, what it was given is enough for the others, and nobody should have to
// type more for them. Before that it would cut off a pipe that is still being
// written to.
func (in *Input) Seal() {
	in.end(io.EOF)
	in.sealing.Do(func() {
		if in.sealed != nil {
			in.sealed()
		}
	})
}

// OnSeal has f called, once, when the input is sealed: a terminal that belonged to
// the workload is its user's again. It is set before the first run.
func (in *Input) OnSeal(f func()) { in.sealed = f }

func (in *Input) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	in.more.Broadcast()
}

func (in *Input) draw() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := in.source.Read(buffer)
		in.mu.Lock()
		sealed := in.err != nil
		if !sealed {
			in.data = append(in.data, buffer[:n]...)
		}
		in.more.Broadcast()
		in.mu.Unlock()
		if err != nil {
			in.end(err)
		}
		if sealed || err != nil {
			return
		}
	}
}

type inputReader struct {
	in     *Input
	offset int
	closed bool
}

func (r *inputReader) Read(p []byte) (int, error) {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	for r.offset == len(r.in.data) && r.in.err == nil && !r.closed {
		r.in.more.Wait()
	}
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	if r.offset < len(r.in.data) {
		n := copy(p, r.in.data[r.offset:])
		r.offset += n
		return n, nil
	}
	if errors.Is(r.in.err, io.EOF) {
		return 0, io.EOF
	}
	return 0, r.in.err
}

func (r *inputReader) Close() error {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	r.closed = true
	r.in.more.Broadcast()
	return nil
}
