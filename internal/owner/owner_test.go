package owner_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/owner"
	"github.com/capprof/capprof/internal/owner/ownertest"
	"github.com/capprof/capprof/internal/testengine"
)

func TestMain(m *testing.M) {
	if label := os.Getenv(asHiddenEnv); label != "" {
		os.Exit(sayWhetherGone(label))
	}
	os.Exit(m.Run())
}

// The fields of an owner's word.
const (
	host = iota
	boot
	namespace
	pid
	started
)

// with is an owner that differs in fields.
func with(t testing.TB, o owner.Owner, fields map[int]string) owner.Owner {
	t.Helper()
	words := strings.Split(o.String(), "/")
	for i, word := range fields {
		words[i] = word
	}
	other, err := owner.Parse(strings.Join(words, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func TestWhoIsGone(t *testing.T) {
	self, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	change := func(fields map[int]string) owner.Owner { return with(t, self, fields) }
	for _, tc := range []struct {
		name          string
		owner         owner.Owner
		running, gone bool
	}{
		{"ourselves", self, true, false},
		{"a dead process", ownertest.Dead(t), true, true},
		{"our PID used before us", change(map[int]string{started: "1"}), true, true},
		{"another machine", change(map[int]string{host: "elsewhere", started: "1"}), false, false},
		{"another PID namespace", change(map[int]string{namespace: "pid:[1]", started: "1"}), false, false},
		{"an earlier boot", change(map[int]string{boot: "earlier"}), false, true},
		{"the first process of the machine", change(map[int]string{pid: "1", started: "another"}), true, true},
		{"an earlier boot, but running", change(map[int]string{boot: "earlier"}), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			read, err := owner.Parse(tc.owner.String())
			if err != nil || read != tc.owner {
				t.Fatalf("the label %q reads back as %+v, %v", tc.owner, read, err)
			}
			if got := read.Gone(self, tc.running); got != tc.gone {
				t.Fatalf("gone %v, want %v", got, tc.gone)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"host/boot/pid:[1]/12/345", "", "////", "a/b/c/-1/e", "a/b/c/1/e/f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		read, err := owner.Parse(label)
		if err != nil {
			return
		}
		again, err := owner.Parse(read.String())
		if err != nil || again != read || strings.Count(label, "/") != 4 {
			t.Fatalf("%q reads as %+v, which reads as %+v, %v", label, read, again, err)
		}
	})
}

// asHiddenEnv makes this test binary say whether the owner that it names is gone, for
// a test that needs a process of another user before whom /proc hides the others'.
const asHiddenEnv = "CAPPROF_TEST_OWNER_GONE"

func sayWhetherGone(label string) int {
	o, err := owner.Parse(label)
	if err != nil {
		return 2
	}
	// The binary is in another mount namespace, and in the same PID namespace.
	self, err := owner.Current()
	if err != nil {
		return 2
	}
	_, err = os.Stat("/proc/" + strings.Split(label, "/")[pid])
	fmt.Printf("hidden %v, gone %v", os.IsNotExist(err), o.Gone(self, true))
	return 0
}

// Where /proc is mounted hidepid=2, the process of another user is not there, and runs.
func TestALivingOwnerThatIsHidden(t *testing.T) {
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "mounting /proc needs root")
	}
	self, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Where nobody can execute it.
	copied := filepath.Join(t.TempDir(), "test")
	if out, err := exec.Command("cp", binary, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for up := filepath.Dir(copied); up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(o owner.Owner) string {
		t.Helper()
		cmd := exec.Command("unshare", "--mount", "sh", "-ec",
			"mount -t proc -o hidepid=2 proc /proc; exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all "+copied)
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/", asHiddenEnv + "=" + o.String()}
		out, err := cmd.CombinedOutput()
		if err != nil {
			testengine.Skip(t, testengine.NoNamespaces, "mounting /proc: %v: %s", err, out)
		}
		return string(out)
	}
	if got := ask(self); got != "hidden true, gone false" {
		t.Errorf("a living owner: %s", got)
	}
	if got := ask(ownertest.Dead(t)); got != "hidden true, gone true" {
		t.Errorf("a dead owner: %s", got)
	}
}
