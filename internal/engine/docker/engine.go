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
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/docker/docker/client"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/owner"
)

// Options are what the caller wants, and wants to be told.
type Options struct {
	// Engine is the kind that is wanted.
	Engine Kind
	// Waiting is called with a sentence while the engine does not answer; nil for none.
	Waiting func(message string)
	// Log takes what was asked of the engine and how long it took; nil for none.
	Log *slog.Logger
}

// Engine talks to one Docker engine. It connects when it is first used and may
// be used by several goroutines.
type Engine struct {
	api      *client.Client
	endpoint endpoint
	// wanted is the kind that the caller wants it to be.
	wanted   Kind
	session  string
	owner    owner.Owner
	environ  environment
	patience patience
	waiting  func(string)
	log      *slog.Logger
	counter  atomic.Uint64
	ports    hostPorts

	// about is what the engine said of itself, which does not change while it runs;
	// nil while it has not been asked.
	aboutLock sync.Mutex
	about     *about
	// placed says that a container was seen in the cgroup of its name.
	placed atomic.Bool
}

var _ engine.Engine = (*Engine)(nil)

// New prepares the engine that docker or podman would use with the same
// environment, or else the one that listens here. It fails on settings that make no
// sense; whether the engine answers shows in the first call.
func New(opts Options) (*Engine, error) {
	at, err := which(opts.Engine, here(os.LookupEnv))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrNoEngine, err)
	}
	return connectTo(at, os.LookupEnv, opts)
}

// connectTo prepares the engine at an endpoint.
func connectTo(at endpoint, environ environment, opts Options) (*Engine, error) {
	api, err := at.client(environ)
	if err != nil {
		return nil, fmt.Errorf("%w: address %s: %w", engine.ErrNoEngine, at, err)
	}
	self, err := owner.Current()
	if err != nil {
		return nil, err
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand, Go 1.24)
	e := &Engine{
		api: api, endpoint: at, wanted: opts.Engine, session: hex.EncodeToString(id[:]), owner: self, environ: environ,
		patience: usualPatience, waiting: opts.Waiting, log: opts.Log,
	}
	if e.waiting == nil {
		e.waiting = func(string) {}
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	return e, nil
}

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
	case isSilence(err):
		return err
	case ctxErr != nil:
		return fmt.Errorf("%s: %w", doing, ctxErr)
	case e.endpoint.socket() != "" && permissionDenied(err, e.endpoint.socket()):
		return fmt.Errorf("%w: no permission to use %s: run capprof as root, or add yourself to the socket's group "+
			"(usermod -aG docker $USER, then log in again): %w", engine.ErrNoEngine, e.endpoint, err)
	case unreachable(err):
		return fmt.Errorf("%w at %s: %s: %w", engine.ErrNoEngine, e.endpoint, e.endpoint.remedy(), err)
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
