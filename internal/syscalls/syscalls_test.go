package syscalls

import "testing"

func TestNamesAndNumbers(t *testing.T) {
	for _, c := range []struct {
		goarch string
		number int
		name   string
	}{
		{"amd64", 0, "read"},
		{"amd64", 59, "execve"},
		{"arm64", 221, "execve"},
		{"386", 11, "execve"},
		{"amd64", 435, "clone3"},
		{"amd64", 9999, "syscall_9999"},
		{"mars", 1, "syscall_1"},
	} {
		if got := Name(c.goarch, c.number); got != c.name {
			t.Errorf("Name(%s, %d) = %s, want %s", c.goarch, c.number, got, c.name)
		}
	}
	if n, ok := Number("amd64", "capset"); !ok || n != 126 {
		t.Errorf("capset is %d, %v", n, ok)
	}
}

func TestLayoutsNameRealCallsWithKnownLetters(t *testing.T) {
	for name, layout := range layouts {
		known := false
		for _, goarch := range []string{"amd64", "386", "arm64", "arm"} {
			_, ok := Number(goarch, name)
			known = known || ok
		}
		if !known {
			t.Errorf("no architecture has a call named %s", name)
		}
		if len(layout) > 6 {
			t.Errorf("%s has %d arguments", name, len(layout))
		}
		for _, letter := range layout {
			if _, ok := letters[letter]; !ok {
				t.Errorf("%s: unknown letter %q", name, letter)
			}
		}
	}
	if got := Arguments("chown32"); got[0] != Path {
		t.Errorf("chown32 is read as %v", got)
	}
	if got := Arguments("getpid"); got != [6]Kind{} {
		t.Errorf("getpid is read as %v", got)
	}
}
