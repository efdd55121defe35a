package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Columns of the measurement of capprof's own time, in milliseconds.
const (
	// bareSteps is what create, start, wait and remove take.
	bareSteps variant = "create+start+wait+rm"
	// wholeOfOne is a capprof that needs one run, from its start to its end.
	wholeOfOne variant = "capprof, one run"
	// eachOfFour is a quarter of a capprof that needs four.
	eachOfFour variant = "capprof, each of four"
)

// ownTime measures capprof's own time: a workload that does nothing, by the engine's
// API alone and by capprof.
func (s *setup) ownTime() func(context.Context, func(variant, float64)) error {
	return func(ctx context.Context, add func(variant, float64)) error {
		took, err := s.bareSteps(ctx, []string{"true"})
		if err != nil {
			return err
		}
		add(bareSteps, milliseconds(took))
		for _, m := range []struct {
			v       variant
			command []string
			runs    int
		}{
			{wholeOfOne, []string{"true"}, 1},
			// Explored with nothing, explored and confirmed with CAP_CHOWN, proven without.
			{eachOfFour, s.steps(needChown), 4},
		} {
			began := time.Now()
			run, err := s.profile(ctx, m.command)
			if err != nil {
				return err
			}
			if err := run.wait(); err != nil {
				return err
			}
			took := time.Since(began)
			if made, err := run.made(); err != nil || made != m.runs {
				return fmt.Errorf("capprof made %d runs where %d were expected: %s", made, m.runs, run.stderr.String())
			}
			add(m.v, milliseconds(took)/float64(m.runs))
		}
		return nil
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// bareSteps makes the same container with plain requests to the engine, the least
// that a run can take.
func (s *setup) bareSteps(ctx context.Context, command []string) (time.Duration, error) {
	network, address, ok := strings.Cut(s.engine.Host, "://")
	if !ok || network != "unix" {
		return 0, fmt.Errorf("the engine's address %s is no Unix socket", s.engine.Host)
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	defer client.CloseIdleConnections()
	type hostConfig struct {
		CapDrop     []string
		NetworkMode string
		Binds       []string
	}
	create, err := json.Marshal(struct {
		Image      string
		Cmd        []string
		Labels     map[string]string
		HostConfig hostConfig
	}{s.image, command, map[string]string{"capprof-bench": strings.TrimPrefix(s.label, "capprof-bench=")}, hostConfig{[]string{"ALL"}, "none", []string{s.dir + ":" + inside + ":ro"}}})
	if err != nil {
		return 0, fmt.Errorf("encoding a container: %w", err)
	}
	ask := func(method, path string, body []byte, answer any) error {
		request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		if response.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
		}
		if answer == nil {
			return nil
		}
		return json.Unmarshal(text, answer)
	}
	began := time.Now()
	var container struct{ ID string }
	if err := ask("POST", "/containers/create", create, &container); err != nil {
		return 0, err
	}
	path := "/containers/" + container.ID
	if err := ask("POST", path+"/start", nil, nil); err != nil {
		return 0, err
	}
	var end struct{ StatusCode int }
	if err := ask("POST", path+"/wait", nil, &end); err != nil {
		return 0, err
	}
	if err := ask("DELETE", path, nil, nil); err != nil {
		return 0, err
	}
	if end.StatusCode != 0 {
		return 0, fmt.Errorf("a container that does nothing ended with exit code %d", end.StatusCode)
	}
	return time.Since(began), nil
}
