package docker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/connhelper"
	dockercontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"
)

// The ports that docker assumes when an address names none (IANA: docker,
// docker-s).
const (
	plainPort = "2375"
	tlsPort   = "2376"
)

// endpoint is where an engine listens and how to prove who asks.
type endpoint struct {
	// host is docker's spelling: unix:///var/run/docker.sock, tcp://, ssh://.
	host string
	// tls is nil for a plain connection.
	tls *tls.Config
	// kind is Podman for an address that is known to be its own, and beside that of
	// another engine of this machine, which was not taken.
	kind, beside Kind
}

// resolveEndpoint follows docker's own order: an explicit host, DOCKER_HOST,
// DOCKER_CONTEXT, the current context of the configuration file, the default
// socket.
func resolveEndpoint(host string, env environment) (endpoint, error) {
	if host == "" {
		host = env.get(client.EnvOverrideHost)
	}
	if host == "" {
		name := env.get("DOCKER_CONTEXT")
		if name == "" {
			file, err := configuration(env)
			if err != nil {
				return endpoint{}, err
			}
			name = file.CurrentContext
		}
		if name != "" && name != "default" {
			return contextEndpoint(name, env)
		}
		host = client.DefaultDockerHost
	}
	secure, err := environmentTLS(env)
	if err != nil {
		return endpoint{}, err
	}
	host, err = completeHost(host, secure != nil)
	if err != nil {
		return endpoint{}, err
	}
	return endpoint{host: host, tls: secure}, nil
}

// completeHost adds the parts of an address that docker lets people omit.
func completeHost(host string, secure bool) (string, error) {
	if !strings.Contains(host, "://") {
		host = "tcp://" + host
	}
	parsed, err := url.Parse(host)
	if err != nil {
		return "", fmt.Errorf("address %q: %w", host, err)
	}
	switch parsed.Scheme {
	case "unix":
		if parsed.Path == "" {
			return "", fmt.Errorf("address %q: no socket path", host)
		}
	case "tcp", "http", "https":
		if parsed.Hostname() == "" {
			return "", fmt.Errorf("address %q: no host name", host)
		}
		if parsed.Port() == "" && parsed.Scheme == "tcp" {
			port := plainPort
			if secure {
				port = tlsPort
			}
			parsed.Host = net.JoinHostPort(parsed.Hostname(), port)
			return parsed.String(), nil
		}
	case "ssh":
	default:
		return "", fmt.Errorf("address %q: unknown scheme %q (known are unix, tcp, http, https and ssh)", host, parsed.Scheme)
	}
	return host, nil
}

// environmentTLS is the TLS set-up of DOCKER_TLS_VERIFY, DOCKER_TLS and
// DOCKER_CERT_PATH, nil when they ask for none.
func environmentTLS(env environment) (*tls.Config, error) {
	verify := env.get(client.EnvTLSVerify) != ""
	certificates := env.get(client.EnvOverrideCertPath)
	if !verify && env.get("DOCKER_TLS") == "" {
		return nil, nil
	}
	if certificates == "" {
		certificates = configurationDir(env)
	}
	options := tlsconfig.Options{InsecureSkipVerify: !verify, ExclusiveRootPools: true}
	// As docker: each of the files may be absent, an engine that asks for a
	// missing one says so.
	for name, field := range map[string]*string{"ca.pem": &options.CAFile, "cert.pem": &options.CertFile, "key.pem": &options.KeyFile} {
		path := filepath.Join(certificates, name)
		if _, err := os.Stat(path); err == nil {
			*field = path
		}
	}
	secure, err := tlsconfig.Client(options)
	if err != nil {
		return nil, fmt.Errorf("TLS files in %s: %w", certificates, err)
	}
	return secure, nil
}

// contextEndpoint reads a context that docker context create made.
func contextEndpoint(name string, env environment) (endpoint, error) {
	settings := store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter("docker", func() any { return &dockercontext.EndpointMetaBase{} }),
	)
	contexts := store.New(filepath.Join(configurationDir(env), "contexts"), settings)
	metadata, err := contexts.GetMetadata(name)
	if err != nil {
		return endpoint{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	meta, ok := metadata.Endpoints["docker"].(dockercontext.EndpointMetaBase)
	if !ok || meta.Host == "" {
		return endpoint{}, fmt.Errorf("docker context %q names no docker endpoint", name)
	}
	host, err := completeHost(meta.Host, false)
	if err != nil {
		return endpoint{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	secure, err := contextTLS(contexts, name, meta.SkipTLSVerify)
	if err != nil {
		return endpoint{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	return endpoint{host: host, tls: secure}, nil
}

// contextTLS is the TLS set-up stored with a context, nil when it has none.
func contextTLS(contexts store.Reader, name string, skipVerify bool) (*tls.Config, error) {
	data, err := dockercontext.LoadTLSData(contexts, name, "docker")
	if err != nil {
		return nil, err
	}
	if data == nil && !skipVerify {
		return nil, nil
	}
	secure := tlsconfig.ClientDefault()
	secure.InsecureSkipVerify = skipVerify
	if data == nil {
		return secure, nil
	}
	if data.CA != nil {
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(data.CA) {
			return nil, errors.New("its ca.pem holds no certificate")
		}
	}
	if data.Cert != nil && data.Key != nil {
		pair, err := tls.X509KeyPair(data.Cert, data.Key)
		if err != nil {
			return nil, fmt.Errorf("its client certificate: %w", err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	return secure, nil
}

// client makes the API client. Nothing is dialled yet.
func (at endpoint) client(env environment) (*client.Client, error) {
	opts := []client.Opt{client.WithUserAgent("capprof"), client.WithAPIVersionNegotiation()}
	helper, err := connhelper.GetConnectionHelper(at.host)
	switch {
	case err != nil:
		return nil, err
	case helper != nil:
		// ssh: docker system dial-stdio at the other end.
		opts = append(opts,
			client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: helper.Dialer}}),
			client.WithHost(helper.Host), client.WithDialContext(helper.Dialer))
	case at.tls != nil && at.socket() == "":
		dialer := &net.Dialer{KeepAlive: 30 * time.Second, Timeout: 30 * time.Second}
		opts = append(opts, client.WithHTTPClient(&http.Client{
			Transport:     &http.Transport{TLSClientConfig: at.tls, DialContext: dialer.DialContext},
			CheckRedirect: client.CheckRedirect,
		}), client.WithHost(at.host))
	default:
		opts = append(opts, client.WithHost(at.host))
	}
	if version := env.get(client.EnvOverrideAPIVersion); version != "" {
		opts = append(opts, client.WithVersion(version))
	}
	return client.NewClientWithOpts(opts...)
}

// socket is the path of a Unix socket, "" for any other kind of address.
func (at endpoint) socket() string {
	path, ok := strings.CutPrefix(at.host, "unix://")
	if !ok {
		return ""
	}
	return path
}

// String is the address without the user and password it may hold.
func (at endpoint) String() string {
	parsed, err := url.Parse(at.host)
	if err != nil || parsed.User == nil {
		return at.host
	}
	parsed.User = nil
	return parsed.String()
}

// configurationDir is the directory of docker's own configuration.
func configurationDir(env environment) string {
	if dir := env.get(config.EnvOverrideConfigDir); dir != "" {
		return dir
	}
	return config.Dir()
}

// configuration reads docker's own configuration file: the current context and
// the registries' credentials. A missing file is an empty one.
func configuration(env environment) (*configfile.ConfigFile, error) {
	file, err := config.Load(configurationDir(env))
	if errors.Is(err, fs.ErrPermission) {
		// Somebody else's home, as under setpriv or su: docker warns and goes on
		// without, too.
		return configfile.New(""), nil
	}
	if err != nil {
		return nil, fmt.Errorf("docker's configuration: %w", err)
	}
	return file, nil
}
