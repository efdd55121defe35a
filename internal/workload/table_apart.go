package workload

import (
	"errors"
	"strings"

	"github.com/docker/cli/opts"
)

// withoutEffect are options that mean nothing to a profile. Exports show them, since
// they belong to the line that people paste.
var withoutEffect = []*Option{
	{
		Name: "detach", Short: "d", Kind: Flag,
		Usage: "with -i, standard input stays open and empty", NoEffect: "every run is watched to its end",
	},
	{
		Name: "rm", Kind: Flag,
		Usage: "without effect", NoEffect: "every container is removed",
	},
	{
		Name: "name", Kind: Text,
		Usage: "without effect: `name`", NoEffect: "every container has a name of capprof's",
		Compose: "container_name",
	},
	{
		Name: "restart", Kind: Text, Check: check(opts.ParseRestartPolicy),
		Usage: "without effect: `policy`", NoEffect: "capprof itself starts containers again",
		Compose: "restart",
	},
	{
		Name: "cidfile", Kind: Text,
		Usage: "without effect: `file`", NoEffect: "no container stays",
	},
	{
		Name: "attach", Short: "a", Kind: List, Check: checkStream,
		Usage: "without effect: `stream`", NoEffect: "all that the workload writes is read",
	},
	{
		Name: "sig-proxy", Kind: Flag,
		Usage: "without effect", NoEffect: "a signal to capprof ends capprof",
	},
	{
		Name: "detach-keys", Kind: Text,
		Usage: "without effect: `keys`", NoEffect: "nothing can be detached from a run",
	},
	{
		Name: "disable-content-trust", Kind: Flag,
		Usage: "without effect", NoEffect: "Docker has given content trust up",
	},
	{
		Name: "kernel-memory", Kind: Text, Check: check(parseSize),
		Usage: "without effect: `bytes`", NoEffect: "the kernel has given this limit up",
	},
	{
		Name: "replace", Kind: Flag, Podman: true,
		Usage: "without effect", NoEffect: "every container has a name of capprof's",
	},
	{
		Name: "rmi", Kind: Flag, Podman: true,
		Usage: "without effect", NoEffect: "capprof removes no image of yours",
	},
	{
		Name: "tls-verify", Kind: Flag, Podman: true,
		Usage: "without effect", NoEffect: "the engine's own settings say how it pulls",
	},
	{
		Name: "sdnotify", Kind: Text, Podman: true,
		Usage: "without effect: `mode`", NoEffect: "nobody waits for such a message",
	},
	{
		Name: "pidfile", Kind: Text, Podman: true,
		Usage: "without effect: `file`", NoEffect: "no container stays",
	},
	{
		Name: "conmon-pidfile", Kind: Text, Podman: true,
		Usage: "without effect: `file`", NoEffect: "no container stays",
	},
}

func checkStream(value string) error {
	switch strings.ToLower(value) {
	case "stdin", "stdout", "stderr":
		return nil
	}
	return errors.New("not one of stdin, stdout, stderr")
}

const ofWindows = "it is for containers of Windows"

// refused are options that cannot be had. A value that Kind says they take is still read,
// so that the refusal names the right option.
var refused = []*Option{
	{Name: "cpu-count", Kind: Text, Usage: "refused: `number`", Refused: ofWindows},
	{Name: "cpu-percent", Kind: Text, Usage: "refused: `number`", Refused: ofWindows},
	{Name: "io-maxbandwidth", Kind: Text, Usage: "refused: `bytes`", Refused: ofWindows},
	{Name: "io-maxiops", Kind: Text, Usage: "refused: `number`", Refused: ofWindows},
	{
		Name: "use-api-socket", Kind: Flag, Usage: "refused",
		Refused: "docker's client would hand your credentials to the workload; say -v /var/run/docker.sock:/var/run/docker.sock, which gives the socket alone",
	},
	ofPodman("pod", Text, "the containers of a pod share namespaces, and capprof runs one container; say --network container:NAME of one that runs"),
	ofPodman("pod-id-file", Text, "the containers of a pod share namespaces, and capprof runs one container; say --network container:NAME of one that runs"),
	ofPodman("secret", List, "it is podman's; mount the file with -v, or name the variable with -e"),
	ofPodman("systemd", Text, "it is podman's; say what it does: --tmpfs /run --tmpfs /tmp --stop-signal SIGRTMIN+3"),
	ofPodman("uidmap", List, "it is podman's; Docker maps users for the whole engine (userns-remap)"),
	ofPodman("gidmap", List, "it is podman's; Docker maps users for the whole engine (userns-remap)"),
	ofPodman("subuidname", Text, "it is podman's; Docker maps users for the whole engine (userns-remap)"),
	ofPodman("subgidname", Text, "it is podman's; Docker maps users for the whole engine (userns-remap)"),
	ofPodman("rootfs", Flag, "it is podman's; make an image of the directory (docker import)"),
	ofPodman("env-host", Flag, "it is podman's; name the variables: -e NAME"),
	ofPodman("unsetenv", List, "it is podman's; -e NAME, without a value and not set here, takes a variable of the image away"),
	ofPodman("unsetenv-all", Flag, "it is podman's; -e NAME, without a value and not set here, takes a variable of the image away"),
	ofPodman("tz", Text, "it is podman's; say -e TZ=ZONE"),
	ofPodman("umask", Text, "it is podman's, and Docker has no option for it"),
	ofPodman("cgroups", Text, "it is podman's, and without a cgroup of its own a container cannot be watched"),
	ofPodman("no-hosts", Flag, "it is podman's, and Docker has no option for it"),
	ofPodman("authfile", Text, "it is podman's; log in with docker login"),
	ofPodman("creds", Text, "it is podman's; log in with docker login"),
	ofPodman("arch", Text, "it is podman's; say --platform linux/ARCH"),
	ofPodman("os", Text, "it is podman's; say --platform OS/ARCH"),
	ofPodman("image-volume", Text, "it is podman's; Docker makes a volume of each VOLUME of the image"),
	ofPodman("requires", Text, "it is podman's; start the other container first"),
	ofPodman("http-proxy", Flag, "it is podman's; name the variables: -e http_proxy"),
	ofPodman("hostuser", List, "it is podman's; make the user in the image"),
	ofPodman("passwd", Flag, "it is podman's, and Docker has no option for it"),
	ofPodman("preserve-fds", Text, "it is podman's, and Docker's API cannot pass descriptors on"),
}

// ofPodman is an option of podman run that Docker's API has nothing for.
func ofPodman(name string, kind Kind, why string) *Option {
	o := &Option{Name: name, Kind: kind, Podman: true, Usage: "refused: `value`", Refused: why}
	if kind == Flag {
		o.Usage = "refused"
	}
	return o
}
