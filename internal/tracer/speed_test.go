package tracer

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"
)

// BenchmarkParseSymbols reads a table of the size that a distribution's kernel has.
func BenchmarkParseSymbols(b *testing.B) {
	var table bytes.Buffer
	for i := range 150_000 {
		kind := "tTdr"[i%4]
		fmt.Fprintf(&table, "%016x %c a_function_of_the_kernel_%d\n", 0xffffffff81000000+uint64(i)*64, kind, i)
	}
	b.SetBytes(int64(table.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseSymbols(bytes.NewReader(table.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeDetail decodes one record of the ring buffer.
func BenchmarkDecodeDetail(b *testing.B) {
	sample := make([]byte, unsafe.Sizeof(capprofDetail{}))
	b.SetBytes(int64(len(sample)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeDetail(sample); err != nil {
			b.Fatal(err)
		}
	}
}
