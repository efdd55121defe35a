package enginetest

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

func checkProcesses(t *testing.T, s suite) {
	w := s.spec("hang")
	w.Options = w.Options.Set("user", "1234")
	c := create(t, s.open(t), w, engine.Conditions{})
	facts, err := s.open(t).Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own := scenario.Process{Name: "workload", UID: 1234}
	if facts.RootUID != 0 {
		own.UID += facts.RootUID
	}
	for _, when := range []string{"first", "second"} {
		start(t, c, "hanging\n")
		if got, err := c.Processes(t.Context()); err != nil || !slices.Equal(got, []scenario.Process{own}) {
			t.Errorf("the %s start: %v, %v", when, got, err)
		}
		heard := listenFor("hanging\n")
		further := make(chan error, 1)
		go func() {
			_, err := c.Exec(t.Context(), engine.Command{Argv: []string{s.program(), "hang"}, Stdout: heard})
			further <- err
		}()
		select {
		case <-heard.word:
			if got, err := c.Processes(t.Context()); err != nil || !slices.Equal(got, []scenario.Process{own, own}) {
				t.Errorf("with a further command, the %s start: %v, %v", when, got, err)
			}
		case err := <-further:
			t.Errorf("the further command ended: %v", err)
		}
		end(t, c)
	}
}

// listening are the sockets of a running container, where they can be seen.
func listening(t testing.TB, s suite, c engine.Container) []scenario.Socket {
	t.Helper()
	facts, err := s.open(t).Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Listening(t.Context())
	switch {
	case !facts.SameKernel && errors.Is(err, engine.ErrUnseen):
		t.Skip("the containers run on another kernel")
	case err != nil:
		t.Fatal(err)
	}
	return got
}

func checkListening(t *testing.T, s suite) {
	// Not every engine opens low ports to all.
	low := engine.Conditions{Capabilities: capability.Of(capability.NetBindService)}
	c := create(t, s.open(t), s.spec("serve",
		"tcp=:8080", "tcp4=127.0.0.1:81", "tcp4=0.0.0.0:50051", "udp=:53", "udp=127.0.0.1:8125", // those of others and of loopback
		"tcp=127.0.0.1:0", "udp=127.0.0.1:0", "udp=:0", // those of nobody
		"dial=127.0.0.1:53"), low)
	want := []scenario.Socket{{Protocol: "tcp", Port: 81}, {Protocol: "tcp", Port: 8080}, {Protocol: "tcp", Port: 50051}, {Protocol: "udp", Port: 53}, {Protocol: "udp", Port: 8125}}
	for range 2 {
		start(t, c, "serving\n")
		if got := listening(t, s, c); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		end(t, c)
	}
	silent, _ := s.running(t, t.Context(), "hanging\n", "hang")
	if got := listening(t, s, silent); len(got) != 0 {
		t.Errorf("it listens on %v", got)
	}
}

// In the network of the machine, where others listen too, it is the container's own
// sockets that count.
func checkListeningOnHost(t *testing.T, s suite) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	w := s.spec("serve", "tcp=0.0.0.0:0")
	w.Options = w.Options.Set("network", "host").Set("sysctl") // that would be the machine's
	c := create(t, s.open(t), w, engine.Conditions{})
	start(t, c, "serving\n")
	got := listening(t, s, c)
	if len(got) != 1 || got[0].Protocol != "tcp" || got[0].Port == other.Addr().(*net.TCPAddr).Port {
		t.Fatalf("it listens on %v", got)
	}
	reach, err := c.Reach(t.Context())
	if err != nil || reach.Address == "" {
		t.Fatalf("%+v, %v", reach, err)
	}
	if s.Reachable {
		served(t, net.JoinHostPort(reach.Address, fmt.Sprint(got[0].Port)))
	}
}

// served checks that the test program answers at an address.
func served(t testing.TB, address string) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer connection.Close()
	if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || line != "served\n" {
		t.Errorf("%s answers %q, %v", address, line, err)
	}
}

func checkReach(t *testing.T, s suite) {
	published := s.spec("serve", "tcp=:8080")
	published.Options = published.Options.Set("publish", "127.0.0.1::8080")
	c := create(t, s.open(t), published, engine.Conditions{})
	for range 2 {
		start(t, c, "serving\n")
		reach, err := c.Reach(t.Context())
		if err != nil || len(reach.Published) != 1 || !strings.HasPrefix(reach.Published["8080/tcp"], "127.0.0.1:") || s.Reachable && reach.Address == "" {
			t.Fatalf("%+v, %v", reach, err)
		}
		if s.Reachable {
			served(t, net.JoinHostPort(reach.Address, "8080"))
			served(t, reach.Published["8080/tcp"])
		}
		// What shares its network has its address.
		w := s.spec("hang")
		w.Options = w.Options.Set("network", "container:"+c.ID())
		guest := create(t, s.open(t), w, engine.Conditions{})
		start(t, guest, "hanging\n")
		if got, err := guest.Reach(t.Context()); err != nil || got.Address != reach.Address || !maps.Equal(got.Published, reach.Published) {
			t.Errorf("in its network: %+v, %v; want %+v", got, err, reach)
		}
		if got := listening(t, s, guest); len(got) != 0 {
			t.Errorf("in its network it listens on %v, which are another's", got)
		}
		end(t, guest)
		end(t, c)
	}
}

func checkNoNetwork(t *testing.T, s suite) {
	w := s.spec("hang")
	w.Options = w.Options.Set("network", "none")
	none := create(t, s.open(t), w, engine.Conditions{})
	start(t, none, "hanging\n")
	if reach, err := none.Reach(t.Context()); err != nil || reach.Address != "" {
		t.Errorf("without a network: %+v, %v", reach, err)
	}
}

func checkNotRunning(t *testing.T, s suite) {
	c := create(t, s.open(t), s.service("hang"), engine.Conditions{})
	ask := func(when string) {
		t.Helper()
		for what, question := range map[string]func() error{
			"health":      func() error { _, err := c.Healthy(t.Context()); return err },
			"processes":   func() error { _, err := c.Processes(t.Context()); return err },
			"sockets":     func() error { _, err := c.Listening(t.Context()); return err },
			"its address": func() error { _, err := c.Reach(t.Context()); return err },
			"a further command": func() error {
				_, err := c.Exec(t.Context(), engine.Command{Argv: []string{s.program(), "exit", "0"}})
				return err
			},
		} {
			if err := question(); !errors.Is(err, engine.ErrNotRunning) {
				t.Errorf("%s %s: %v", what, when, err)
			}
		}
	}
	ask("before the start")
	start(t, c, "hanging\n")
	end(t, c)
	ask("after the end")
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask("after the removal")
}
