package tracer

import (
	"strings"
	"testing"
)

func TestTargetsThatCannotBeFollowed(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tracer.Attach(Target{"capprof-first"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	w, err := tracer.Watch(Target{"capprof-twice"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for name, target := range map[string]Target{"no name": {}, "too long": {strings.Repeat("x", 96)}} {
		t.Run(name, func(t *testing.T) {
			if another, err := tracer.Attach(target); err == nil {
				another.Close()
				t.Error("attached")
			}
			for _, err := range []error{session.Follow(target), w.Follow(target)} {
				if err == nil || !strings.Contains(err.Error(), "cgroup") {
					t.Errorf("%v does not say what is wrong", err)
				}
			}
		})
	}
	if again, err := tracer.Watch(Target{"capprof-twice"}); err == nil {
		again.Close()
		t.Error("two watches of one container took each other's entry")
	}
}
