package lsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// source is where records come from. read waits for the next ones; it fails after close.
type source interface {
	read() ([]observation.Refusal, error)
	close() error
	// complete reports whether it leaves nothing out by itself.
	complete() bool
}

// errLost says that the records before the next ones were lost.
var errLost = errors.New("records were lost")

// Listener hears of refusals from its beginning on.
type Listener struct {
	from source
	done chan struct{}

	mu    sync.Mutex
	heard []observation.Refusal
	lost  bool
	// more is closed and replaced when something was heard.
	more chan struct{}
}

// Listen begins to listen, to the refusals of the whole machine. Of the audit records
// that the kernel sends to everybody none is left out; where they may not be had
// (CAP_AUDIT_READ), the kernel's log has to do, which has 10 records in 5 seconds at most
// (kernel.printk_ratelimit), and none where auditd takes them.
func (k *Kernel) Listen() (*Listener, error) {
	from, err := openAudit()
	if err != nil {
		var other error
		if from, other = openLog(); other != nil {
			return nil, fmt.Errorf("listening for what security modules refuse takes CAP_AUDIT_READ (%w), or else CAP_SYSLOG (%w)", err, other)
		}
	}
	return listen(from), nil
}

func listen(from source) *Listener {
	l := &Listener{from: from, done: make(chan struct{}), more: make(chan struct{})}
	go l.hear()
	return l
}

func (l *Listener) hear() {
	defer close(l.done)
	for {
		got, err := l.from.read()
		l.mu.Lock()
		l.lost = l.lost || err != nil
		if len(got) > 0 {
			l.heard = append(l.heard, got...)
			close(l.more)
			l.more = make(chan struct{})
		}
		l.mu.Unlock()
		if err != nil && !errors.Is(err, errLost) {
			return // closed, or broken: what was heard so far has to do
		}
	}
}

// settled is how long a record may be on its way. The kernel's own thread sends them
// (kernel/audit.c:kauditd_thread), and wakes at once.
const settled = 250 * time.Millisecond

// Refused returns what was refused so far, and whether no record of it was left out. A
// record of each of some processes is waited for, a moment: what a policy does not log
// never comes.
func (l *Listener) Refused(ctx context.Context, of []int) (heard []observation.Refusal, all bool) {
	ctx, stop := context.WithTimeout(ctx, settled)
	defer stop()
	for {
		l.mu.Lock()
		heard, all = slices.Clone(l.heard), l.from.complete() && !l.lost
		more := l.more
		l.mu.Unlock()
		missing := slices.ContainsFunc(of, func(pid int) bool {
			return !slices.ContainsFunc(heard, func(r observation.Refusal) bool { return r.PID == pid })
		})
		if !missing {
			return heard, all
		}
		select {
		case <-more:
		case <-l.done:
			return heard, all
		case <-ctx.Done():
			return heard, all
		}
	}
}

// Close ends it.
func (l *Listener) Close() {
	l.from.close()
	<-l.done
}

// audit are the audit records that the kernel multicasts (AUDIT_NLGRP_READLOG), whoever
// else gets them.
type audit struct{ *netlink.Conn }

func openAudit() (source, error) {
	conn, err := netlink.Dial(unix.NETLINK_AUDIT, &netlink.Config{Groups: 1})
	if err != nil {
		return nil, err
	}
	// As much as may be had: a policy that is being written refuses a lot.
	_ = conn.SetReadBuffer(1 << 20)
	return audit{conn}, nil
}

func (a audit) close() error { return a.Close() }

func (audit) complete() bool { return true }

func (a audit) read() ([]observation.Refusal, error) {
	messages, err := a.Receive()
	switch {
	case errors.Is(err, syscall.ENOBUFS):
		return nil, errLost
	case err != nil:
		return nil, err
	}
	var all []observation.Refusal
	for _, m := range messages {
		if m.Header.Type != avc {
			continue
		}
		if r, ok := parse(string(m.Data)); ok {
			all = append(all, r)
		}
	}
	return all, nil
}

// kernelLog is /dev/kmsg, from its end on.
type kernelLog struct{ *os.File }

func openLog() (source, error) {
	// Not blocking, so that a read ends when the file is closed.
	file, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return kernelLog{file}, nil
}

func (k kernelLog) close() error { return k.Close() }

func (kernelLog) complete() bool { return false }

func (k kernelLog) read() ([]observation.Refusal, error) {
	record := make([]byte, 8192)
	n, err := k.Read(record)
	switch {
	case errors.Is(err, syscall.EPIPE):
		return nil, errLost // the oldest ones were overwritten
	case err != nil:
		return nil, err
	}
	if r, ok := parseLog(record[:n]); ok {
		return []observation.Refusal{r}, nil
	}
	return nil, nil
}

// parseLog reads a record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg): "5,1234,
// 5678,-;audit: type=1400 audit(1795891302.990:4): apparmor=...", and lines of more
// fields.
func parseLog(record []byte) (observation.Refusal, bool) {
	_, message, _ := bytes.Cut(record, []byte(";"))
	message, _, _ = bytes.Cut(message, []byte("\n"))
	text, ok := strings.CutPrefix(string(message), "audit: type="+strconv.Itoa(avc)+" ")
	if !ok {
		return observation.Refusal{}, false
	}
	return parse(text)
}
