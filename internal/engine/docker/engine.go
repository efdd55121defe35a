// Package docker implements engine.Engine on a Docker engine's API. It is the
// only package that imports github.com/docker/docker, so that another engine
// is another package.
//
// A container is made as docker run makes it from the same flags; what differs
// is asked for: all capabilities dropped, the granted ones added, and labels
// that say which capprof it belongs to.
package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/docker/docker/client"

	"github.com/capprof/capprof/internal/engine"
)

// Options says which engine to use and under which name.
type Options struct {
	// Host is the engine's address and overrides DOCKER_HOST and the current
	// context.
	Host string
	// Session names this capprof in labels and container names. It is made up
	// when empty.
	Session string
	// LookupEnv reads the environment that DOCKER_HOST and --env NAME come
	// from: os.LookupEnv when nil.
	LookupEnv func(string) (string, bool)
}

// Engine talks to one Docker engine. It connects when it is first used and may
// be used by several goroutines.
type Engine struct {
	api      *client.Client
	endpoint endpoint
	session  string
	owner    owner
	environ  environment
	counter  atomic.Uint64

	// driver is the cgroup driver, which does not change while an engine runs.
	driverLock sync.Mutex
	driver     string
}

var _ engine.Engine = (*Engine)(nil)

// New prepares the engine that docker itself would use with the same
// environment. It fails on settings that make no sense; whether the engine
// answers shows in the first call.
func New(opts Options) (*Engine, error) {
	environ := environment(os.LookupEnv)
	if opts.LookupEnv != nil {
		environ = opts.LookupEnv
	}
	at, err := resolveEndpoint(opts.Host, environ)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrNoEngine, err)
	}
	api, err := at.client(environ)
	if err != nil {
		return nil, fmt.Errorf("%w: address %s: %w", engine.ErrNoEngine, at, err)
	}
	session := opts.Session
	if session == "" {
		var id [4]byte
		_, _ = rand.Read(id[:]) // never fails (crypto/rand, Go 1.24)
		session = hex.EncodeToString(id[:])
	}
	self, err := currentOwner()
	if err != nil {
		return nil, err
	}
	return &Engine{api: api, endpoint: at, session: session, owner: self, environ: environ}, nil
}

// Session is the value of the label that this engine's containers carry.
func (e *Engine) Session() string { return e.session }

// Close ends idle connections. Containers are not touched.
func (e *Engine) Close() error { return e.api.Close() }

// environment looks a variable up.
type environment func(string) (string, bool)

// get is the variable's value, "" when it is not set.
func (e environment) get(name string) string {
	value, _ := e(name)
	return value
}

// unreachable reports whether err means that no engine answered, as opposed to
// an engine that answered with a refusal.
func unreachable(err error) bool {
	var network *net.OpError
	return client.IsErrConnectionFailed(err) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// failed describes an error of a request: who did not answer and what to do, or
// what was being done when the engine said no.
func (e *Engine) failed(doing string, err error) error {
	var ctxErr error
	switch {
	case errors.Is(err, context.Canceled):
		ctxErr = context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		ctxErr = context.DeadlineExceeded
	}
	switch {
	case ctxErr != nil:
		return fmt.Errorf("%s: %w", doing, ctxErr)
	case e.endpoint.socket() != "" && permissionDenied(err, e.endpoint.socket()):
		return fmt.Errorf("%w: no permission to use %s: run capprof as root, or add yourself to the socket's group "+
			"(usermod -aG docker $USER, then log in again): %w", engine.ErrNoEngine, e.endpoint, err)
	case unreachable(err):
		return fmt.Errorf("%w at %s: start it (systemctl start docker), or name another one with DOCKER_HOST: %w",
			engine.ErrNoEngine, e.endpoint, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// permissionDenied reports whether err is the file mode of the socket. The
// client drops the errno in some paths, so the socket itself is asked too.
func permissionDenied(err error, socket string) bool {
	if errors.Is(err, os.ErrPermission) {
		return true
	}
	if !client.IsErrConnectionFailed(err) {
		return false
	}
	conn, err := net.Dial("unix", socket)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, os.ErrPermission)
}
