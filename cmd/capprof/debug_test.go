package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// TestDebugSaysWhatWasDone: the log tells what was asked, tried and refused, line by
// line, and only to those who ask for it.
func TestDebugSaysWhatWasDone(t *testing.T) {
	for _, debug := range []bool{true, false} {
		_, release := slowEngine(t)
		close(release)
		args := []string{"run", "--no-trace", "image", "--", "true"}
		if debug {
			args = append([]string{"run", "--debug"}, args[1:]...)
		}
		var out, errs bytes.Buffer
		if code := dispatch(context.Background(), args, stdio{in: strings.NewReader(""), out: &out, err: &errs}); code != exitUnfit {
			t.Errorf("ends with %d", code)
		}
		if out.Len() > 0 {
			t.Errorf("standard output:\n%s", &out)
		}
		for _, want := range []string{`level=DEBUG msg=image reference=image id=sha256:0`, `msg="run planned" run=1 purpose=search`, `msg="run ended" run=1`, "no space left on device", `msg=ended code=125`} {
			if debug && !strings.Contains(errs.String(), want) {
				t.Errorf("no %s in:\n%s", want, &errs)
			}
		}
		if !debug && strings.Contains(errs.String(), "level=") {
			t.Errorf("a log that nobody asked for:\n%s", &errs)
		}
	}
}
