package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/docker/docker/client"

	"github.com/capprof/capprof/internal/capability"
)

// libpodPrefix is where Podman 4 and later answer their own API, which tells what Docker's
// has no field for.
const libpodPrefix = "/v4.0.0/libpod"

// libpodInfo is what is used of Podman's GET /info (podman libpod/define/info.go).
type libpodInfo struct {
	Host struct {
		OCIRuntime struct {
			Name, Version string
		} `json:"ociRuntime"`
		IDMappings struct {
			// UIDs is empty where containers have the machine's own users.
			UIDs []struct {
				Container uint32 `json:"container_id"`
				Host      uint32 `json:"host_id"`
				Size      uint32 `json:"size"`
			} `json:"uidmap"`
		} `json:"idMappings"`
		Security struct {
			// Capabilities are default_capabilities of containers.conf, with commas.
			Capabilities       string `json:"capabilities"`
			Rootless           bool   `json:"rootless"`
			SeccompEnabled     bool   `json:"seccompEnabled"`
			SeccompProfilePath string `json:"seccompProfilePath"`
		} `json:"security"`
	} `json:"host"`
	Store struct {
		// GraphOptions are of several types.
		GraphOptions map[string]any `json:"graphOptions"`
	} `json:"store"`
}

// capabilities are those that are granted when nothing is said; false where that cannot
// be read.
func (i libpodInfo) capabilities() (capability.Set, bool) {
	granted, err := capability.ParseSet(i.Host.Security.Capabilities)
	return granted, err == nil && i.Host.Security.Capabilities != ""
}

// noDevices reports whether the root file system of containers is mounted nodev: by
// mountopt of storage.conf, by a file system in user space, or by the kernel, which lets no
// user namespace do otherwise.
func (i libpodInfo) noDevices() bool {
	options, _ := i.Store.GraphOptions["overlay.mountopt"].(string)
	for option := range strings.SplitSeq(options, ",") {
		if option == "nodev" {
			return true
		}
	}
	_, inUserSpace := i.Store.GraphOptions["overlay.mount_program"]
	return inUserSpace || i.Host.Security.Rootless
}

// rootUID is the machine's user whom the containers' root is.
func (i libpodInfo) rootUID() uint32 {
	for _, m := range i.Host.IDMappings.UIDs {
		if m.Container == 0 {
			return m.Host
		}
	}
	return 0
}

// libpodError is how Podman words a refusal.
type libpodError struct {
	Message  string `json:"message"`
	Response int    `json:"response"`
}

func (e *libpodError) Error() string { return e.Message }

// libpod is Podman's own API.
type libpod struct{ *Engine }

// ask asks Podman something and reads the answer, which is JSON.
func (e libpod) ask(ctx context.Context, what string, into any) error {
	response, err := e.get(ctx, path.Join(libpodPrefix, what), nil)
	if err != nil {
		return err
	}
	err = json.NewDecoder(response.Body).Decode(into)
	return errors.Join(err, response.Body.Close())
}

// get makes a request that the client library has no call for, on its connections.
func (e libpod) get(ctx context.Context, what string, query url.Values) (*http.Response, error) {
	host, err := client.ParseHostURL(e.api.DaemonHost())
	if err != nil {
		return nil, err
	}
	at := url.URL{Scheme: "http", Host: host.Host, Path: path.Join(host.Path, what), RawQuery: query.Encode()}
	if e.endpoint.tls != nil {
		at.Scheme = "https"
	}
	if host.Scheme == "unix" {
		// The transport dials the socket, whatever the host (client.DummyHost).
		at.Host, at.Path = client.DummyHost, what
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := e.api.HTTPClient().Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		refusal := &libpodError{Response: response.StatusCode}
		text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		if json.Unmarshal(text, refusal) != nil || refusal.Message == "" {
			refusal.Message = fmt.Sprintf("%s: %s", response.Status, strings.TrimSpace(string(text)))
		}
		return nil, errors.Join(refusal, err, response.Body.Close())
	}
	return response, nil
}

// libpodContainer is what is used of Podman's own inspection of a container
// (libpod/define/container_inspect.go).
type libpodContainer struct {
	State struct {
		// StoppedByUser is absent before Podman 5.0.
		StoppedByUser bool
	}
	BoundingCaps, EffectiveCaps []string
}
