package tracer

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// symbols are the kernel's functions, sorted by address.
type symbols struct {
	addresses []uint64
	// names[i] is where the name of addresses[i] begins in text, which holds all
	// names one after the other: a string each would cost more than the names.
	names []uint32
	text  []byte
}

// readSymbols reads the kernel's symbol table. Without CAP_SYSLOG the kernel
// shows every address as zero, which is an error here.
func readSymbols() (*symbols, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's symbols: %w", err)
	}
	defer f.Close()
	s, err := parseSymbols(f)
	if err != nil {
		return nil, fmt.Errorf("reading /proc/kallsyms: %w", err)
	}
	return s, nil
}

// parseSymbols reads lines "ffffffff81000000 T name [module]", keeping functions.
func parseSymbols(r io.Reader) (*symbols, error) {
	type symbol struct {
		address uint64
		name    uint32
	}
	var all []symbol
	s := &symbols{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		address, rest, ok := bytes.Cut(lines.Bytes(), []byte(" "))
		if !ok || len(rest) < 3 {
			continue
		}
		if kind := rest[0] | 0x20; kind != 't' && kind != 'w' {
			continue
		}
		value, err := strconv.ParseUint(string(address), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", address, err)
		}
		if value == 0 {
			continue
		}
		name, _, _ := bytes.Cut(rest[2:], []byte("\t"))
		all = append(all, symbol{value, uint32(len(s.text))})
		s.text = append(append(s.text, name...), 0)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the kernel hides its addresses; CAP_SYSLOG and kernel.kptr_restrict below 2 show them")
	}
	slices.SortStableFunc(all, func(a, b symbol) int { return cmp.Compare(a.address, b.address) })
	s.addresses = make([]uint64, len(all))
	s.names = make([]uint32, len(all))
	for i, symbol := range all {
		s.addresses[i], s.names[i] = symbol.address, symbol.name
	}
	return s, nil
}

// function names the function that address lies in, "" when it lies before all.
func (s *symbols) function(address uint64) string {
	i, found := slices.BinarySearch(s.addresses, address)
	if !found {
		i--
	}
	if i < 0 {
		return ""
	}
	name := s.text[s.names[i]:]
	return string(name[:bytes.IndexByte(name, 0)])
}

// stackNames names the frames of a check, innermost first, from behind the
// function that was hooked; what lies inside it is the hook's own. Where that function
// does not show, there are at most the hook's own program and the trampoline that runs it:
// since Linux 7.0 the kernel jumps to one, and a check that a function hides has none.
func (s *symbols) stackNames(frames []uint64, own codeRanges) []string {
	var (
		names  []string
		inside int // frames of the hook's own
	)
	found := false
	for i, frame := range frames {
		if frame == 0 {
			break
		}
		// A frame is where the call returns to: the call itself is before it, which
		// matters where a function ends with a call that does not return. The first one
		// is where the processor is: with a kprobe, where the function begins.
		if i > 0 {
			frame--
		}
		name := s.function(frame)
		if name == checkFunction {
			names, found = names[:0], true
			continue
		}
		if inside == i && own.hold(frame) {
			inside++
		}
		names = append(names, name)
	}
	if !found && inside > 0 {
		names = names[min(inside+1, len(names)):]
	}
	return names
}
