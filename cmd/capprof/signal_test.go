package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// slowEngine answers what a run asks before its first container, and keeps the
// request for that one until release is closed. asked is closed when it comes.
func slowEngine(t *testing.T) (asked <-chan struct{}, release chan struct{}) {
	t.Helper()
	arrived, release := make(chan struct{}), make(chan struct{})
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/containers/create"):
			close(arrived)
			<-release
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"message":"no space left on device"}`))
		case strings.HasSuffix(r.URL.Path, "/containers/json"):
			_, _ = w.Write([]byte(`[]`))
		default:
			_, _ = w.Write([]byte(`{"Id":"sha256:0","Version":"20.10.0","ApiVersion":"1.41"}`))
		}
	}
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(handler), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	t.Setenv("DOCKER_CONTEXT", "")
	return arrived, release
}

// watched is a stream that tells when a text has been written to it.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	word string
	seen chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.text.String(), w.word)
	n, err := w.text.Write(p)
	if !before && strings.Contains(w.text.String(), w.word) {
		close(w.seen)
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func interrupt(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}

// start runs a workload in the background.
func start(t *testing.T, stderr *watched) <-chan exitCode {
	t.Helper()
	// An interrupt that comes when run has just ended must not end the tests.
	late := make(chan os.Signal, 1)
	signal.Notify(late, os.Interrupt)
	t.Cleanup(func() { signal.Stop(late) })
	ended := make(chan exitCode, 1)
	go func() {
		var out bytes.Buffer
		ended <- run(context.Background(), []string{"run", "--no-trace", "image", "--", "true"}, stdio{in: strings.NewReader(""), out: &out, err: stderr})
	}()
	return ended
}

// TestTwoInterruptsOfOneCause: timeout -s INT sends the signal to the process and
// to its group. That asks once.
func TestTwoInterruptsOfOneCause(t *testing.T) {
	asked, release := slowEngine(t)
	stderr := &watched{word: "interrupted", seen: make(chan struct{})}
	ended := start(t, stderr)
	<-asked
	interrupt(t)
	<-stderr.seen
	interrupt(t)
	select {
	case code := <-ended:
		t.Fatalf("ended with %d and did not wait for the engine:\n%s", code, stderr)
	case <-time.After(together / 2):
	}
	close(release)
	if code := <-ended; code != exitInterrupt {
		t.Errorf("exit code %d, want %d", code, exitInterrupt)
	}
	if strings.Contains(stderr.String(), "capprof clean") {
		t.Errorf("forced by the second signal:\n%s", stderr)
	}
}

// TestASecondInterruptForces: whoever asks again does not wait for the engine.
func TestASecondInterruptForces(t *testing.T) {
	asked, release := slowEngine(t)
	defer close(release)
	stderr := &watched{word: "interrupted", seen: make(chan struct{})}
	ended := start(t, stderr)
	<-asked
	interrupt(t)
	<-stderr.seen
	again := time.NewTicker(together / 3)
	defer again.Stop()
	for {
		select {
		case code := <-ended:
			if code != exitInterrupt || !strings.Contains(stderr.String(), "run capprof clean") {
				t.Errorf("ended with %d:\n%s", code, stderr)
			}
			return
		case <-again.C:
			interrupt(t)
		}
	}
}
