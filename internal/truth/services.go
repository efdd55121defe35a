package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/truth/boots"
	"github.com/capprof/capprof/internal/truth/removal"
)

// serves says what is done with a service.
type serves struct {
	// image is one of testimage.ServiceNames; "" for the case's.
	image string
	// probes and execs use it: on this machine, and in the container.
	probes, execs []string
	// checks are execs of brute force's alone, for drops.
	checks []string
	// stopTimeout is docker run's --stop-timeout; 0 is 10 s.
	stopTimeout time.Duration
	// asks are the phases in which a capability is asked for, where they are known.
	asks map[capability.Cap][]scenario.Phase
}

// service is what brute force takes through its boots.
func (s *serves) service(c *suite, image string, flags, command []string) boots.Service {
	return boots.Service{
		Image: image, Flags: flags, Command: command,
		Probes: c.filled(s.probes), Execs: c.filled(slices.Concat(s.execs, s.checks)), StopTimeout: s.stopTimeout,
	}
}

// options are capprof run's for what is done with the service.
func (s *serves) options(c *suite) []string {
	if s == nil {
		return nil
	}
	var options []string
	for _, probe := range c.filled(s.probes) {
		options = append(options, "--probe", probe)
	}
	for _, command := range c.filled(s.execs) {
		options = append(options, "--exec", command)
	}
	return options
}

// takes reports whether capprof run has the option.
func (s *subject) takes(option string) bool { return strings.Contains(s.help, option+" ") }

// serve runs the scratch image's own service on port 8080.
func serve(operations ...string) []string {
	return slices.Concat([]string{"/ops", "serve", "8080"}, operations)
}

// Probes. Each ends by itself where nobody answers.
const (
	web     = `curl -fsS --max-time 5 -o /dev/null http://$CAPPROF_ADDRESS/`
	web8080 = `curl -fsS --max-time 5 -o /dev/null http://$CAPPROF_ADDRESS:8080/`
	login   = `ssh -i {dir}/id -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=no ` +
		`-o UserKnownHostsFile=/dev/null alice@$CAPPROF_ADDRESS id -un | grep -qx alice`
	// A query for www.example.test's address, and any answer.
	lookUp = `timeout 5 bash -c 'exec 3<>/dev/udp/$CAPPROF_ADDRESS/53; ` +
		`printf "\1\1\1\0\0\1\0\0\0\0\0\0\3www\7example\4test\0\0\1\0\1" >&3; head -c 1 <&3 | grep -q .'`
)

// line sends a line to a port and waits for one that holds the words.
func line(port int, text, answer string) string {
	return fmt.Sprintf(`timeout 5 bash -c 'exec 3<>/dev/tcp/$CAPPROF_ADDRESS/%d; printf "%s\r\n" >&3; grep -qm 1 "%s" <&3'`, port, text, answer)
}

// serviceCases are services with and without being used.
func serviceCases() []testCase {
	var all []testCase
	var later []func()
	add := func(name string, s serves, flags, command []string) {
		k := testCase{group: services, name: name, flags: flags, command: command, serves: &s}
		if s.stopTimeout > 0 {
			k.flags = append(slices.Clone(k.flags), "--stop-timeout", fmt.Sprint(s.stopTimeout.Seconds()))
		}
		all = append(all, k)
	}
	// used adds a case without probes and one with them.
	used := func(name string, s serves, flags []string, command ...string) {
		unused := s
		unused.probes, unused.execs = nil, nil
		add(name, unused, flags, command)
		later = append(later, func() { add(name+"@used", s, flags, command) })
	}
	asRoot := []string{"--user", "root"}
	used("nginx", serves{image: "nginx", probes: []string{web}}, nil)
	used("apache2", serves{image: "apache2", probes: []string{web}}, nil)
	used("haproxy", serves{image: "haproxy", probes: []string{web8080}}, nil)
	used("haproxy-root", serves{image: "haproxy", probes: []string{web}}, asRoot, "haproxy", "-f", "/usr/local/etc/haproxy/haproxy-root.cfg")
	used("redis", serves{image: "redis", probes: []string{line(6379, "SET a b", "OK"), line(6379, "SAVE", "OK")}}, nil)
	used("postgres", serves{image: "postgres", execs: []string{`psql -U postgres -qc 'insert into boots values (now())'`}}, []string{"--env", "POSTGRES_PASSWORD=x"})
	used("mariadb", serves{image: "mariadb", execs: []string{`mariadb -h127.0.0.1 -uroot -px -e 'create database if not exists d'`}}, []string{"--env", "MARIADB_ROOT_PASSWORD=x"})
	used("memcached", serves{image: "memcached", probes: []string{line(11211, `set a 0 0 1\r\nb`, "STORED")}}, nil)
	used("memcached-root", serves{image: "memcached", probes: []string{line(11211, "version", "VERSION")}}, asRoot, "memcached", "-u", "memcache")
	used("sshd", serves{image: "sshd", probes: []string{login}}, []string{"--env", "PUBLIC_KEY={key}"})
	used("dnsmasq", serves{image: "dnsmasq", probes: []string{lookUp}}, nil)
	used("supervisord", serves{image: "supervisord", probes: []string{`curl -fsS --max-time 5 -o /dev/null http://$CAPPROF_ADDRESS:8000/`}}, nil)
	used("cron", serves{image: "cron", execs: []string{`timeout 5 sh -c 'until grep -qx alice /tmp/job; do sleep 0.1; done'`}}, nil)
	used("rsyslog", serves{
		image: "rsyslog", probes: []string{`bash -c 'echo "<13>hello from a host" >/dev/udp/$CAPPROF_ADDRESS/514'`},
		execs: []string{`timeout 5 sh -c 'until grep -q hello /var/log/syslog; do sleep 0.1; done'`},
	}, nil)
	used("node", serves{image: "node", probes: []string{
		`curl -fsS --max-time 5 --data hello http://$CAPPROF_ADDRESS:3000/notes`, `curl -fsS --max-time 5 http://$CAPPROF_ADDRESS:3000/ | grep -q hello`,
	}}, nil)

	at := func(step scenario.Step, boots ...scenario.Boot) (phases []scenario.Phase) {
		for _, boot := range boots {
			phases = append(phases, scenario.Phase{Boot: boot, Step: step})
		}
		return phases
	}
	first, again, second := scenario.FirstBoot, scenario.Restart, scenario.SecondBoot
	type asking map[capability.Cap][]scenario.Phase
	add("second-boot-reads-what-the-first-gave-away", serves{asks: asking{
		capability.Chown: at(scenario.Start, first), capability.DACOverride: at(scenario.Start, second),
	}}, nil, serve("first:change-owner,/kept/file", "second:read-content,/kept/file"))
	all[len(all)-1].image = keeping
	used("need-on-the-second-request", serves{
		probes: []string{web8080, web8080}, asks: asking{capability.NetRaw: at(scenario.Exercise, first, again)},
	}, nil, serve("later:raw6")...)
	add("need-at-stop", serves{asks: asking{capability.Chown: at(scenario.Stop, first, again)}}, nil, serve("stop:change-owner,/own/file"))
	add("need-on-restart", serves{asks: asking{capability.DACOverride: at(scenario.Start, again)}}, nil, serve("restart:read-content,/other/file"))
	add("ignores-the-stop-signal", serves{
		stopTimeout: 2 * time.Second, asks: asking{capability.NetRaw: at(scenario.Start, first, again)},
	}, nil, serve("start:raw6", "stop:never"))
	add("health-check-that-needs-a-capability", serves{}, nil, serve())
	all[len(all)-1].image = serving
	// After all that are not used: what failed there before it was used fails here too.
	for _, add := range later {
		add()
	}
	return all
}

// newKey makes a key by which a probe logs in, and returns its public half.
func newKey(ctx context.Context, path string) (string, error) {
	if output, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "probe", "-f", path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("making a key: %w: %s", err, output)
	}
	text, err := os.ReadFile(path + ".pub")
	return strings.TrimSpace(string(text)), err
}

// earlyFailures are the runs of services that failed before they were used, by what
// was started and set: they fail in the same way whatever the use would have been.
type earlyFailures struct {
	mutex sync.Mutex
	all   map[string]map[capability.Set]boots.Outcome
}

func (e *earlyFailures) get(service string, set capability.Set) (boots.Outcome, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	o, known := e.all[service][set]
	return o, known
}

// put keeps an outcome that is one of them.
func (e *earlyFailures) put(service string, set capability.Set, o boots.Outcome) {
	if o.Passed() || o.Failed.Boot != scenario.FirstBoot || o.Failed.Step != scenario.Start && o.Failed.Step != scenario.Ready {
		return
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.all == nil {
		e.all = map[string]map[capability.Set]boots.Outcome{}
	}
	if e.all[service] == nil {
		e.all[service] = map[capability.Set]boots.Outcome{}
	}
	e.all[service][set] = o
}

// boots runs a service with a set, and keeps in which phase it failed.
func (f *found) boots(judge *boots.Judge, service string, early *earlyFailures) removal.Runs {
	f.judge, f.failed = judge, map[capability.Set]scenario.Phase{}
	return func(ctx context.Context, set capability.Set) (bool, error) {
		run := judge.Run
		if set == f.all {
			run = judge.Learn
		}
		o, known := early.get(service, set)
		if !known {
			var err error
			if o, err = run(ctx, set); err != nil {
				return false, err
			}
			early.put(service, set, o)
		}
		if set == f.all {
			f.withAll = o.Why
		}
		if !o.Passed() {
			f.failed[set] = *o.Failed
		}
		return o.Passed(), nil
	}
}

// needed says in which phase a service fails without each member of the least
// dangerous set.
func (f *found) needed() map[capability.Cap]scenario.Phase {
	needed := map[capability.Cap]scenario.Phase{}
	if len(f.sets) > 0 {
		for c := range f.sets[0].All() {
			if phase, ran := f.failed[f.sets[0].Without(c)]; ran {
				needed[c] = phase
			}
		}
	}
	return needed
}
