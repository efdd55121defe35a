package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

// TestOneInterruptEndsEveryWait: a pipe whose other end nobody serves is waited for
// until the first interruption.
func TestOneInterruptEndsEveryWait(t *testing.T) {
	dir := t.TempDir()
	pipe, saved := filepath.Join(dir, "pipe"), filepath.Join(dir, "profile.json")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), profile.Save(t.Context(), saved, profiletest.Proven())); err != nil {
		t.Fatal(err)
	}
	nobody, writes := io.Pipe() // neither read from nor written to
	defer writes.Close()
	for _, c := range []struct {
		name string
		args []string
		out  io.Writer
	}{
		{"a profile to explain", []string{"explain", pipe}, io.Discard},
		{"a profile on standard input", []string{"explain", "-"}, io.Discard},
		{"the old profile", []string{"diff", pipe, saved}, io.Discard},
		{"the new profile", []string{"diff", saved, pipe}, io.Discard},
		{"the baseline", []string{"check", "--baseline", pipe}, io.Discard},
		{"an explanation that nobody reads", []string{"explain", saved}, writes},
		{"a comparison that nobody reads", []string{"diff", saved, saved}, writes},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan exitCode, 1)
			go func() {
				ended <- dispatch(ctx, c.args, stdio{in: nobody, out: c.out, err: &bytes.Buffer{}})
			}()
			cancel(errInterrupted)
			select {
			case code := <-ended:
				if code != exitInterrupt {
					t.Errorf("ends with %d, want %d", code, exitInterrupt)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("still waits")
			}
		})
	}
}

// TestAReadProfileIsNotInterrupted: what does not wait is done as ever.
func TestAReadProfileIsNotInterrupted(t *testing.T) {
	var saved bytes.Buffer
	if err := profile.Encode(&saved, profiletest.Proven()); err != nil {
		t.Fatal(err)
	}
	d, err := loadProfile(t.Context(), "-", stdio{in: &saved})
	if err != nil || d.Verdict != profile.Proven {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := loadProfile(t.Context(), "-", stdio{in: strings.NewReader("{")}); err == nil || !strings.Contains(err.Error(), "standard input") {
		t.Errorf("%v", err)
	}
}
