package boots

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/scenario"
)

// sight is what can be seen of a running container from outside.
type sight struct {
	sockets   []scenario.Socket
	processes []scenario.Process
}

// lacks names what is in want and not in the sight.
func (s sight) lacks(want sight) []string {
	var missing []string
	for _, socket := range want.sockets {
		if !slices.Contains(s.sockets, socket) {
			missing = append(missing, "nobody listens on "+socket.String())
		}
	}
	for _, p := range want.processes {
		if !slices.Contains(s.processes, p) {
			missing = append(missing, fmt.Sprintf("no %s of user %d", p.Name, p.UID))
		}
	}
	return missing
}

// both is what is in both.
func (s sight) both(other sight) sight {
	return sight{
		sockets:   slices.DeleteFunc(slices.Clone(s.sockets), func(x scenario.Socket) bool { return !slices.Contains(other.sockets, x) }),
		processes: slices.DeleteFunc(slices.Clone(s.processes), func(x scenario.Process) bool { return !slices.Contains(other.processes, x) }),
	}
}

func (s sight) equal(other sight) bool {
	return slices.Equal(s.sockets, other.sockets) && slices.Equal(s.processes, other.processes)
}

// space names the PID namespace of a process; "" when it has ended.
func space(pid int) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return ""
	}
	return name
}

// look looks into the PID namespace, whose first process is init, and init's network
// namespace. Nothing is there when the container has ended.
func look(init int, pids string) (sight, error) {
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return sight{}, err
	}
	var all []scenario.Process
	for _, path := range statuses {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || space(pid) != pids {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		if p, ok := process(text); ok {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return sight{}, nil
	}
	var sockets []scenario.Socket
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", init, table))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // ended, or no IPv6
		case err != nil && space(init) == "":
			return sight{}, nil
		case err != nil:
			return sight{}, err
		}
		sockets = append(sockets, listening(strings.TrimSuffix(table, "6"), text)...)
	}
	slices.SortFunc(sockets, func(a, b scenario.Socket) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	return sight{slices.Compact(sockets), scenario.Kinds(all)}, nil
}

// process reads /proc/PID/status (proc_pid_status(5)). It is none when it has ended and
// nobody waited for it yet.
func process(status []byte) (scenario.Process, bool) {
	var p scenario.Process
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		fields := strings.Fields(value)
		switch name {
		case "Name":
			p.Name = strings.TrimSpace(value)
		case "State":
			if len(fields) > 0 && (fields[0] == "Z" || fields[0] == "X") {
				return p, false
			}
		case "Uid":
			if len(fields) > 1 { // the real one, then the effective one
				uid, err := strconv.ParseUint(fields[1], 10, 32)
				if err != nil {
					return p, false
				}
				p.UID = uint32(uid)
			}
		}
	}
	return p, p.Name != ""
}

// States of sockets in /proc/net/tcp and udp (include/net/tcp_states.h); a UDP socket
// that is bound and not connected is "closed".
const (
	closed    = "07"
	listens   = "0A"
	ephemeral = 32768 // from here on, ports are given to clients
)

// listening reads a table of /proc/PID/net (proc_pid_net(5)).
func listening(protocol string, table []byte) []scenario.Socket {
	state := map[string]string{"tcp": listens, "udp": closed}[protocol]
	var all []scenario.Socket
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != state {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil || port == 0 || protocol == "udp" && port >= ephemeral {
			continue
		}
		all = append(all, scenario.Socket{Protocol: protocol, Port: int(port)})
	}
	return all
}
