package host

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/sys/user"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/host/inside"
	"github.com/capprof/capprof/internal/systemd"
	"github.com/capprof/capprof/internal/workload"
)

// settings are what a workload comes to: what its unit says, and over it its options.
type settings struct {
	// before are the programs that run before it, one after the other.
	before  []inside.Program
	program inside.Program
	setup   inside.Setup
	// interactive says that it reads our input, open that its input stays open.
	interactive, open bool
	// keep says that it writes to the machine's own files.
	keep    bool
	volumes []workload.Volume
	tmpfs   []workload.Volume
	health  *health
	// ownIPC, ownUTS and ownNetwork say which namespaces are not the machine's.
	ownIPC, ownUTS, ownNetwork bool
	unit                       unit
	stopSignal                 string
	stopTimeout                time.Duration
	user                       string
}

// request is the part of docker's create request that plain processes have a meaning for.
// A field that is not here is an error.
type request struct {
	Config struct {
		Image                                                string
		Cmd, Entrypoint, Env                                 []string
		WorkingDir, User, Hostname, Domainname, StopSignal   string
		StopTimeout                                          *int
		Tty, OpenStdin, AttachStdin, StdinOnce, AttachStdout bool
		Healthcheck                                          *health
		Volumes                                              map[string]struct{}
	}
	HostConfig struct {
		GroupAdd, Binds, SecurityOpt  []string
		Mounts                        []json.RawMessage
		Tmpfs, Sysctls                map[string]string
		Ulimits                       []*units.Ulimit
		OomScoreAdj                   *int
		NetworkMode, IpcMode, UTSMode string
		Init                          bool
		MaskedPaths, ReadonlyPaths    []string
	}
	NetworkingConfig json.RawMessage
}

// stopTimeout is that of docker stop, serviceTimeout that of systemd (DefaultTimeoutStopSec=).
const (
	stopTimeout    = 10 * time.Second
	serviceTimeout = 90 * time.Second
)

// settingsOf reads a workload. What is wrong with it is an engine.ErrBadWorkload.
func (s *Subject) settingsOf(w workload.Spec) (*settings, error) {
	out, err := s.translate(w)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	return out, nil
}

func (s *Subject) translate(w workload.Spec) (*settings, error) {
	if refusal := workload.RefusedPlain(w.Options); refusal != nil {
		return nil, refusal
	}
	client := workload.Client{LookupEnv: s.engine.lookupEnv, ReadFile: s.files.Read, Abs: filepath.Abs}
	tree, err := w.Request(client)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var r request
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return nil, fmt.Errorf("an option that plain processes cannot have: %w", err)
	}
	out := &settings{
		interactive: workload.ReadsInput(w.Options), open: w.Options.Bool("interactive"), keep: w.Options.Value("writes") == "keep",
		volumes: w.Options.Volumes(), tmpfs: w.Options.Tmpfs(), health: r.Config.Healthcheck, unit: s.unit,
		stopSignal: cmp.Or(r.Config.StopSignal, s.unit.signal(), "SIGTERM"), stopTimeout: stopTimeout,
	}
	out.program.Argv = slices.Concat(w.Options.Values("entrypoint"), w.Command)
	if len(out.program.Argv) == 0 {
		out.program.Argv = s.unit.Start.Argv
	}
	if len(out.program.Argv) == 0 || out.program.Argv[0] == "" {
		return nil, errors.New("there is nothing to run: capprof run --engine host -- COMMAND, or --unit NAME.service")
	}
	if s.unit.Name != "" {
		out.stopTimeout = serviceTimeout
	}
	if s.unit.StopTimeout != nil {
		out.stopTimeout = *s.unit.StopTimeout
	}
	if r.Config.StopTimeout != nil {
		out.stopTimeout = time.Duration(*r.Config.StopTimeout) * time.Second
	}
	for _, step := range []func(r request, w workload.Spec) error{out.namespaces, out.process, out.asUser, out.files} {
		if err := step(r, w); err != nil {
			return nil, err
		}
	}
	if err := out.environment(s.engine.environ, r.Config.Env); err != nil {
		return nil, err
	}
	out.commands()
	out.setup.OwnIPC, out.setup.OwnNetwork = out.ownIPC, out.ownNetwork
	out.setup.Forking, out.setup.PIDFile, out.setup.Notify = s.unit.Type == "forking", s.unit.PIDFile, s.unit.notify()
	return out, nil
}

// namespaces decides what the processes share with the machine.
func (s *settings) namespaces(r request, w workload.Spec) error {
	switch mode := workload.NetworkMode(w.Options); mode {
	case "", "default", "host":
	case "none":
		s.ownNetwork = true
	default:
		return fmt.Errorf("--network %s: plain processes have the machine's network (host) or none", mode)
	}
	switch mode := r.HostConfig.IpcMode; mode {
	case "", "private", "shareable", "none":
		s.ownIPC = true
	case "host":
	default:
		return fmt.Errorf("--ipc %s: plain processes have the machine's IPC namespace (host) or one of their own (private)", mode)
	}
	s.ownUTS = r.HostConfig.UTSMode != "host"
	s.setup.Hostname, s.setup.Domainname = r.Config.Hostname, r.Config.Domainname
	if !s.ownUTS && s.setup.Hostname+s.setup.Domainname != "" {
		return errors.New("--hostname and --domainname would be the machine's with --uts host")
	}
	s.setup.Sysctls = r.HostConfig.Sysctls
	for name := range s.setup.Sysctls {
		if !s.ownsSysctl(name) {
			return fmt.Errorf("--sysctl %s: it would be the machine's; net.* needs --network none, and kernel.shm*, kernel.msg*, kernel.sem and fs.mqueue.* an IPC namespace of one's own", name)
		}
	}
	return nil
}

// ownsSysctl reports whether a sysctl is that of a namespace of the processes' own.
func (s *settings) ownsSysctl(name string) bool {
	ipc := strings.HasPrefix(name, "kernel.shm") || strings.HasPrefix(name, "kernel.msg") || name == "kernel.sem" || strings.HasPrefix(name, "fs.mqueue.")
	return strings.HasPrefix(name, "net.") && s.ownNetwork || ipc && s.ownIPC
}

// process reads what the kernel keeps of a process.
func (s *settings) process(r request, w workload.Spec) error {
	p := &s.program
	p.TTY, p.OOMScoreAdj, p.Umask = r.Config.Tty, cmp.Or(r.HostConfig.OomScoreAdj, s.unit.score()), s.unit.Umask
	p.NoNewPrivileges = s.unit.NoNewPrivileges
	for _, value := range r.HostConfig.SecurityOpt {
		option, err := workload.ParseSecurityOption(value)
		switch {
		case err != nil:
			return fmt.Errorf("--security-opt %s: %w", value, err)
		case option.Name == "no-new-privileges":
			p.NoNewPrivileges = w.Options.NoNewPrivileges()
		case option.Value != engine.Unconfined && option.Value != "disable":
			return fmt.Errorf("--security-opt %s: plain processes are under no such profile; no-new-privileges is all that they can have", value)
		}
	}
	p.Limits = s.unit.limits()
	for _, limit := range r.HostConfig.Ulimits {
		set, err := limit.GetRlimit()
		if err != nil {
			return fmt.Errorf("--ulimit %s: %w", limit, err)
		}
		p.Limits = append(p.Limits, inside.Limit{Resource: set.Type, Soft: set.Soft, Hard: set.Hard})
	}
	return nil
}

// asUser reads whose processes they are, by the machine's own lists.
func (s *settings) asUser(r request, w workload.Spec) error {
	s.user = cmp.Or(r.Config.User, s.unit.account())
	passwd, _ := os.Open("/etc/passwd") // without one, numbers do
	if passwd != nil {
		defer passwd.Close()
	}
	group, _ := os.Open("/etc/group")
	if group != nil {
		defer group.Close()
	}
	as, err := user.GetExecUser(s.user, &user.ExecUser{Home: "/"}, readerOf(passwd), readerOf(group))
	if err != nil {
		return fmt.Errorf("the user %q: %w", s.user, err)
	}
	groups := as.Sgids
	if more := slices.Concat(s.unit.Groups, r.HostConfig.GroupAdd); len(more) > 0 {
		further, err := user.GetAdditionalGroupsPath(more, "/etc/group")
		if err != nil {
			return fmt.Errorf("the groups %q: %w", more, err)
		}
		groups = append(groups, further...)
	}
	p := &s.program
	p.UID, p.GID = uint32(as.Uid), uint32(as.Gid)
	for _, gid := range groups {
		p.Groups = append(p.Groups, uint32(gid))
	}
	slices.Sort(p.Groups)
	p.Groups = slices.Compact(p.Groups)
	p.Ambient = p.UID != 0
	return nil
}

// files reads where the processes are in the file tree, and what is mounted there.
func (s *settings) files(r request, _ workload.Spec) error {
	here, err := os.Getwd()
	if err != nil {
		here = "/"
	}
	if s.unit.Name != "" {
		here = s.unit.directory(int(s.program.UID))
	}
	s.program.Dir = cmp.Or(r.Config.WorkingDir, here)
	if !path.IsAbs(s.program.Dir) {
		return fmt.Errorf("--workdir %s is not absolute", s.program.Dir)
	}
	for i, v := range s.volumes {
		switch {
		case v.Named():
			return fmt.Errorf("--volume %s: plain processes have no volumes with names; name a directory", v.Source)
		case v.Source == "":
			continue
		}
		if s.volumes[i].Source, err = filepath.Abs(v.Source); err != nil {
			return err
		}
		if _, err := os.Stat(s.volumes[i].Source); err != nil {
			return fmt.Errorf("--volume: %w", err)
		}
	}
	if s.keep && len(s.tmpfs) == 0 && len(s.volumes) == 0 {
		return nil
	}
	for _, v := range slices.Concat(s.volumes, s.tmpfs) {
		if info, err := os.Stat(v.Target); s.keep && (err != nil || !info.IsDir()) {
			return fmt.Errorf("with --writes keep nothing is made on the machine: there is no directory %s to mount on", v.Target)
		}
	}
	return nil
}

// environment is ours for a command, as a shell would give it, and systemd's for a unit;
// over it what the unit and the options say.
func (s *settings) environment(ours, given []string) error {
	env := slices.Clone(ours)
	if s.unit.Name != "" {
		env = []string{"PATH=" + servicePath, "LANG=C.UTF-8"}
	}
	if s.user != "" {
		if found, err := user.LookupUid(int(s.program.UID)); err == nil {
			env = append(env, "HOME="+found.Home, "USER="+found.Name, "LOGNAME="+found.Name, "SHELL="+cmp.Or(found.Shell, "/bin/sh"))
		}
	}
	ofUnit, err := s.unit.variables()
	if err != nil {
		return err
	}
	at := map[string]int{}
	var all []string
	for _, entry := range slices.Concat(env, ofUnit, given) {
		name, _, set := strings.Cut(entry, "=")
		i, there := at[name]
		switch {
		case there && set:
			all[i] = entry
		case there:
			all[i] = "" // -e NAME that is not set here takes it away
		case set:
			at[name] = len(all)
			all = append(all, entry)
		}
	}
	s.program.Env = slices.DeleteFunc(all, func(entry string) bool { return entry == "" })
	return nil
}

// commands puts the variables into the commands of a unit.
func (s *settings) commands() {
	if s.unit.Name == "" {
		return
	}
	lookup := func(name string) string {
		for _, entry := range s.program.Env {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
	if slices.Equal(s.program.Argv, s.unit.Start.Argv) {
		s.program.Argv = systemd.Expand(s.program.Argv, lookup)
	}
	for _, command := range s.unit.Before {
		p := s.program
		p.Argv, p.MayFail, p.Full = systemd.Expand(command.Argv, lookup), command.MayFail, command.Full
		s.before = append(s.before, p)
	}
}

// servicePath is that of systemd's services (systemd.exec(5)).
const servicePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// under are the settings of one container.
func (s *settings) under(set capability.Set) *settings {
	out := *s
	out.program.Bounding = set
	out.before = slices.Clone(s.before)
	for i := range out.before {
		out.before[i].Bounding = set
	}
	return &out
}

// number is a pointer to what a text says; nil where it says nothing.
func number(text string, base int) (*int, error) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, base, 32)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	value := int(n)
	return &value, nil
}
