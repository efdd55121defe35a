package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// readyAs waits until a service is ready as it was told, or by its health check. What
// the reference found out by looking is for the caller to see.
func (l *live) readyAs(ctx context.Context, how scenario.Readiness) error {
	switch how.How {
	case scenario.Healthy:
		return l.healthy(ctx)
	case scenario.TCP:
		return l.reachable(ctx, how.Port, connects)
	case scenario.HTTP:
		return l.reachable(ctx, how.Port, func(ctx context.Context, address string) bool { return answers(ctx, "http://"+address+how.Argument) })
	case scenario.Log:
		return l.await(ctx, l.lines.found, func() (bool, error) { return l.lines.matched(), nil })
	case scenario.Command:
		return l.await(ctx, nil, func() (bool, error) {
			code, err := l.inside(ctx, how.Argument, io.Discard)
			return err == nil && code == 0, err
		})
	case scenario.After:
		alive := time.NewTimer(how.After)
		defer alive.Stop()
		select {
		case <-alive.C:
			return nil
		case end := <-l.ended:
			return l.over(end)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// healthy waits for the health check. That it says no at first is a service that takes
// its time, as far as there is time.
func (l *live) healthy(ctx context.Context) error {
	type word struct {
		healthy bool
		err     error
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	for {
		said := make(chan word, 1)
		go func() {
			healthy, err := l.container.Healthy(asking)
			said <- word{healthy, err}
		}()
		select {
		case w := <-said:
			if w.err == nil && w.healthy {
				return nil
			}
			if w.err != nil && ctx.Err() == nil && !errors.Is(w.err, engine.ErrNotRunning) {
				return w.err
			}
		case end := <-l.ended:
			return l.over(end)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		select {
		case end := <-l.ended:
			return l.over(end)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollTime):
		}
	}
}

// reachable waits until a port of the container answers.
func (l *live) reachable(ctx context.Context, port int, asks func(ctx context.Context, address string) bool) error {
	var address string
	return l.await(ctx, nil, func() (bool, error) {
		if address == "" {
			reach, err := l.container.Reach(ctx)
			if err != nil {
				return false, err
			}
			published := reach.Published[fmt.Sprintf("%d/tcp", port)]
			switch {
			case reach.Address != "":
				address = net.JoinHostPort(reach.Address, strconv.Itoa(port))
			case published != "":
				address = published
			default:
				return false, &ProbeError{Option: "--ready", Command: l.Told.Ready.String(), Why: fmt.Sprintf("port %d of the container cannot be reached from here: publish it (-p %d), or use the machine's network (--network host)", port, port)}
			}
		}
		return asks(ctx, address), nil
	})
}

// attemptTime bounds one question to a port.
const attemptTime = time.Second

func connects(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: attemptTime}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// answers asks once, and does not follow where the answer points to.
func answers(ctx context.Context, url string) bool {
	ctx, stop := context.WithTimeout(ctx, attemptTime)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode < http.StatusBadRequest
}

// lineWatch looks for a line in what is written to it, the one that has not ended yet
// included.
type lineWatch struct {
	// pattern is nil where nothing is looked for.
	pattern *regexp.Regexp
	// found receives a value when it has been seen.
	found chan struct{}

	mu   sync.Mutex
	open []byte
	seen bool
}

func newLineWatch(ready scenario.Readiness) *lineWatch {
	l := &lineWatch{found: make(chan struct{}, 1)}
	if ready.How == scenario.Log {
		l.pattern = regexp.MustCompile(ready.Argument) // ParseReadiness took it
	}
	return l
}

// restart forgets what was found: the next boot writes its own lines.
func (w *lineWatch) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.open = false, nil
}

// matched reports whether the pattern has been seen.
func (w *lineWatch) matched() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

func (w *lineWatch) Write(p []byte) (int, error) {
	n := len(p)
	if w.pattern == nil {
		return n, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for ended := true; ended && !w.seen; {
		var line []byte
		line, p, ended = bytes.Cut(p, []byte("\n"))
		if room := longestLine - len(w.open); room > 0 {
			w.open = append(w.open, line[:min(room, len(line))]...)
		}
		w.seen = w.pattern.Match(w.open)
		if ended {
			w.open = w.open[:0]
		}
	}
	if w.seen {
		select {
		case w.found <- struct{}{}:
		default:
		}
	}
	return n, nil
}
