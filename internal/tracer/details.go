package tracer

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/capprof/capprof/internal/capability"
)

// collected is what came out of the ring buffer.
type collected struct {
	byKey map[capprofOpKey]capprofDetail
	// files are the file capabilities of what execve(2) refused, as they were then.
	files map[capprofOpKey]capability.Set
	err   error
}

// collect reads details of the containers until the reader is flushed or closed.
func collect(reader *ringbuf.Reader, starts *starts) collected {
	c := collected{byKey: map[capprofOpKey]capprofDetail{}, files: map[capprofOpKey]capability.Set{}}
	var record ringbuf.Record
	for {
		err := reader.ReadInto(&record)
		if errors.Is(err, ringbuf.ErrFlushed) || errors.Is(err, ringbuf.ErrClosed) {
			return c
		}
		if err != nil {
			c.err = err
			return c
		}
		detail, err := decodeDetail(record.RawSample)
		if err != nil {
			c.err = err
			return c
		}
		if _, seen := c.byKey[detail.Key]; seen {
			continue
		}
		c.byKey[detail.Key] = detail
		// Now, while the file is what it was: a moment later it may be another.
		if name, ok := refusedFile(detail); ok {
			if permitted, err := fileCapabilities(name, starts.target(detail.Number), int(detail.Pid), int(detail.Init)); err == nil {
				c.files[detail.Key] = permitted
			}
		}
	}
}

// decodeDetail reads a struct detail of bpf/contract.h. The Go type has the layout
// of the C one, without implicit padding, so that a copy does: field by field it
// takes as long as the kernel needs for several details, and a burst of new keys
// would outrun the reader.
func decodeDetail(sample []byte) (capprofDetail, error) {
	var d capprofDetail
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&d)), unsafe.Sizeof(d))
	if len(sample) < len(memory) {
		return d, fmt.Errorf("a detail has %d bytes, %d expected", len(sample), len(memory))
	}
	copy(memory, sample)
	if int(d.ChecksLen) > len(d.Checks) || int(d.Names.Len) > len(d.Names.Component) || int(d.BlobLen) > len(d.Blob) {
		return d, fmt.Errorf("a detail holds %d checks, %d names and %d bytes, more than fit", d.ChecksLen, d.Names.Len, d.BlobLen)
	}
	return d, nil
}

// text reads a C string of the kernel's char, which is signed in the BPF object.
func text(chars []int8) string {
	b := make([]byte, 0, len(chars))
	for _, c := range chars {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}
