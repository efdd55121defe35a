package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// When an operation of serve's is done.
const (
	atStart   = "start"   // each time
	atFirst   = "first"   // the first time of a container without data of an earlier one
	atRestart = "restart" // when the container was started before
	atSecond  = "second"  // the first time of a container with such data
	atRequest = "request" // at every request
	atLater   = "later"   // at every request but the first
	atStop    = "stop"    // when asked to end
)

// kept is where the data of serve's containers is, in an image that has a volume there.
const kept = "/kept"

// serving is the operation "serve": a service that listens, answers requests and ends
// when asked to. Its arguments are a port and operations of others, each as
// WHEN:OPERATION[,ARGUMENT]...; "stop:never" has it ignore who asks.
func serving() map[string]operation { return map[string]operation{"serve": serve} }

func serve(args []string) error {
	if len(args) == 0 {
		return errors.New("a port is missing")
	}
	boot, err := countBoot()
	if err != nil {
		return err
	}
	at := func(when string) error {
		for _, arg := range args[1:] {
			moment, rest, _ := strings.Cut(arg, ":")
			if moment != when || rest == "never" {
				continue
			}
			do, rest2, err := named(strings.Split(rest, ","))
			if err == nil {
				err = do(rest2)
			}
			if err != nil {
				return fmt.Errorf("at %s: %w", when, err)
			}
		}
		return nil
	}
	if err := errors.Join(at(atStart), at(boot)); err != nil {
		return err
	}
	var requests atomic.Int64
	server := &http.Server{Addr: ":" + args[0], ReadHeaderTimeout: time.Minute}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		err := at(atRequest)
		if requests.Add(1) > 1 {
			err = errors.Join(err, at(atLater))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	// Before it listens, or whoever sees it listen and asks it to end would kill it.
	asked := make(chan os.Signal, 1)
	if slices.Contains(args, atStop+":never") {
		signal.Ignore(syscall.SIGTERM)
	} else {
		signal.Notify(asked, syscall.SIGTERM)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-asked:
	}
	return errors.Join(at(atStop), server.Shutdown(context.Background()))
}

// countBoot says which boot this is: a file in the container and one in the volume tell.
func countBoot() (string, error) {
	const mark = "/served"
	again, err := marks(mark)
	if err != nil {
		return "", err
	}
	earlier, err := marks(filepath.Join(kept, mark))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case again:
		return atRestart, nil
	case earlier:
		return atSecond, nil
	}
	return atFirst, nil
}

// marks makes the file and reports whether it was there.
func marks(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, file.Close()
}
