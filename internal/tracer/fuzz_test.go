package tracer

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"unsafe"
)

// The kernel fills a detail, but what is in it is the workload's.
func FuzzDecodeDetail(f *testing.F) {
	size := int(unsafe.Sizeof(capprofDetail{}))
	f.Add([]byte{})
	f.Add(make([]byte, size))
	f.Add(bytes.Repeat([]byte{0xff}, size))
	f.Add(bytes.Repeat([]byte("/x"), size/2+8))
	f.Fuzz(func(t *testing.T, sample []byte) {
		d, err := decodeDetail(sample)
		if err != nil {
			return
		}
		// The plain way to read the same bytes, which would stumble over a layout that
		// is not the C compiler's.
		var plain capprofDetail
		if _, err := binary.Decode(sample, binary.NativeEndian, &plain); err != nil {
			t.Fatal(err)
		}
		if plain != d {
			t.Fatalf("%+v, want %+v", d, plain)
		}
		op := operation(d, nil)
		if len(op.Checks) != int(d.ChecksLen) || op.PID != int(d.Pid) || op.Args != d.Args {
			t.Fatalf("%+v of %+v", op, d)
		}
	})
}

func FuzzParseSymbols(f *testing.F) {
	f.Add([]byte("ffffffff81000000 T _stext\nffffffff81000010 t inner\t[module]\n"), uint64(0xffffffff81000004))
	f.Add([]byte("0000000000000000 T hidden\n"), uint64(1))
	f.Add([]byte("zz T x\n"), uint64(0))
	f.Fuzz(func(t *testing.T, table []byte, address uint64) {
		s, err := parseSymbols(bytes.NewReader(table))
		if err != nil {
			return
		}
		if !slices.IsSorted(s.addresses) || len(s.addresses) != len(s.names) {
			t.Fatalf("addresses %x, %d names", s.addresses, len(s.names))
		}
		name := s.function(address)
		if name != "" && !bytes.Contains(table, []byte(name)) {
			t.Fatalf("%x lies in %q, which is not in the table", address, name)
		}
		if name == "" && address >= s.addresses[0] && bytes.IndexByte(s.text, 0) != 0 && !bytes.Contains(s.text, []byte{0, 0}) {
			t.Fatalf("%x lies in nothing, the first symbol is at %x", address, s.addresses[0])
		}
	})
}
