package live

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/prometheus/procfs"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// tree makes cgroup directories with their processes.
func tree(t *testing.T, processes map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for dir, text := range processes {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "cgroup.procs"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMembersAreThoseOfAllBelow(t *testing.T) {
	dir := tree(t, map[string]string{".": "", "init.scope": "12\n", "system.slice": "", "system.slice/web.service": "40\n41\n"})
	got, err := membersOf(dir)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, []int{12, 40, 41}) {
		t.Errorf("%v, %v", got, err)
	}
	for name, dir := range map[string]string{
		"another PID namespace's": tree(t, map[string]string{".": "0\n0\n"}),
		"no numbers":              tree(t, map[string]string{".": "x\n"}),
		"no cgroup":               t.TempDir(),
		"nothing":                 filepath.Join(t.TempDir(), "gone"),
	} {
		if got, err := membersOf(dir); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestUpTo(t *testing.T) {
	for path, want := range map[string]string{
		"/docker/abc":                  "/docker/abc",
		"/docker/abc/init.scope":       "/docker/abc",
		"/../../system.slice/abc/leaf": "/../../system.slice/abc",
		"/docker/abcd":                 "",
		"/":                            "",
	} {
		if got, ok := upTo(path, "abc"); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	if got, ok := upTo("/docker", ""); ok {
		t.Errorf("a container without a cgroup is in %q", got)
	}
}

func TestWhichHierarchyALineIsAbout(t *testing.T) {
	unified, systemd, cpu := hierarchy{}, hierarchy{controllers: map[string]string{"rw": "", "xattr": "", "name": "systemd"}}, hierarchy{controllers: map[string]string{"rw": "", "cpu": "", "cpuacct": ""}}
	for _, c := range []struct {
		line procfs.Cgroup
		want []bool
	}{
		{procfs.Cgroup{}, []bool{true, false, false}},
		{procfs.Cgroup{HierarchyID: 1, Controllers: []string{"name=systemd"}}, []bool{false, true, false}},
		{procfs.Cgroup{HierarchyID: 1, Controllers: []string{"name=elogind"}}, []bool{false, false, false}},
		{procfs.Cgroup{HierarchyID: 2, Controllers: []string{"cpu", "cpuacct"}}, []bool{false, false, true}},
		{procfs.Cgroup{HierarchyID: 3, Controllers: []string{"memory"}}, []bool{false, false, false}},
	} {
		for i, h := range []hierarchy{unified, systemd, cpu} {
			if got := h.carries(c.line); got != c.want[i] {
				t.Errorf("%+v is about %+v: %v", c.line, h, got)
			}
		}
	}
}

func TestOffered(t *testing.T) {
	at := func(protocol, address string, port int) socket {
		return socket{scenario.Socket{Protocol: protocol, Port: port}, net.ParseIP(address), 0}
	}
	got := offered([]socket{
		at("udp", "::", 53), at("tcp", "::", 80), at("tcp", "0.0.0.0", 80), at("tcp", "127.0.0.1", 81), at("tcp", "0.0.0.0", 40000),
		at("tcp", "127.0.0.11", 41234), at("tcp", "::1", 41234), at("tcp", "::ffff:127.0.0.1", 41234), at("udp", "127.0.0.11", 41234), at("udp", "0.0.0.0", 41234),
		at("tcp", "::1", 61000), at("udp", "0.0.0.0", 32767),
	})
	want := []scenario.Socket{{Protocol: "tcp", Port: 80}, {Protocol: "tcp", Port: 81}, {Protocol: "tcp", Port: 40000}, {Protocol: "tcp", Port: 61000}, {Protocol: "udp", Port: 53}, {Protocol: "udp", Port: 32767}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The sockets of a process are the same, by either way to have them.
func TestSocketsOfThisProcess(t *testing.T) {
	var want []scenario.Socket
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		at, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		defer at.Close()
		want = append(want, scenario.Socket{Protocol: "tcp", Port: at.Addr().(*net.TCPAddr).Port})
	}
	bound, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	connected, err := net.Dial("udp", bound.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	want = append(want, scenario.Socket{Protocol: "udp", Port: bound.LocalAddr().(*net.UDPAddr).Port})
	c := Container{PID: os.Getpid()}
	all, err := c.sockets()
	if err != nil {
		t.Fatal(err)
	}
	own := map[scenario.Socket]socket{}
	for _, s := range all {
		own[s.Socket] = s
	}
	for _, s := range want {
		if found, ok := own[s]; !ok || !found.address.IsLoopback() || found.inode == 0 {
			t.Errorf("%v is %+v among %v", s, found, all)
		}
	}
	if s := (scenario.Socket{Protocol: "udp", Port: connected.LocalAddr().(*net.UDPAddr).Port}); own[s].inode != 0 {
		t.Errorf("the connected %v is among %v", s, all)
	}
	of, err := procfs.NewFS(filepath.Join("/proc", strconv.Itoa(c.PID)))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := of.NetTCP() //nolint:staticcheck // deprecated for its speed
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		s := scenario.Socket{Protocol: "tcp", Port: int(line.LocalPort)}
		if line.St == tcpListen && slices.Contains(want, s) && (own[s].inode != line.Inode || !own[s].address.Equal(line.LocalAddr)) {
			t.Errorf("%v is %+v, and in /proc %+v", s, own[s], line)
		}
	}
}

// A process that is not in the container's cgroup is another's: its number was used
// again, or it is of another PID namespace.
func TestAnotherProcess(t *testing.T) {
	c := Container{PID: os.Getpid(), Cgroup: "0123456789abcdef"}
	if got, err := c.Processes(); !errors.Is(err, engine.ErrUnseen) {
		t.Errorf("processes %v, %v", got, err)
	}
	if got, err := c.Listening(); !errors.Is(err, engine.ErrUnseen) {
		t.Errorf("sockets %v, %v", got, err)
	}
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	c.PID = ended.Process.Pid
	if got, err := c.Processes(); !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("processes of none: %v, %v", got, err)
	}
	if got, err := c.Listening(); !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("sockets of none: %v, %v", got, err)
	}
}

func BenchmarkSockets(b *testing.B) {
	c := Container{PID: os.Getpid()}
	for b.Loop() {
		if _, err := c.sockets(); err != nil {
			b.Fatal(err)
		}
	}
}
