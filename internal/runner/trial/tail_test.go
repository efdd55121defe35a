package trial

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	var tl tail
	for i := range 50 {
		fmt.Fprintf(&tl, "line %d\r\n", i)
	}
	fmt.Fprint(&tl, strings.Repeat("x", 5000))
	fmt.Fprint(&tl, "y")
	lines := tl.last()
	if len(lines) != tailLines || lines[0] != "line 31" || lines[tailLines-1] != strings.Repeat("x", longestLine) {
		t.Errorf("%q", lines)
	}
	if empty := new(tail).last(); len(empty) != 0 {
		t.Errorf("%q", empty)
	}
}

func TestTailOfTwoStreams(t *testing.T) {
	var tl tail
	done := make(chan struct{})
	for range 2 {
		go func() {
			for i := range 1000 {
				fmt.Fprintf(&tl, "%d\n", i)
				tl.last()
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	if lines := tl.last(); len(lines) != tailLines || lines[tailLines-1] != "999" {
		t.Errorf("%q", lines)
	}
}
