package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/versions"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// settings are the container's own part of a create request.
func settings(w workload.Spec, grant capability.Set, env environment, read func(path string) ([]byte, error)) (*container.Config, *container.HostConfig, error) {
	body, err := createRequest(w, grant, env, read)
	if err != nil {
		return nil, nil, err
	}
	return &body.Config, &body.HostConfig, nil
}

// createRequest translates a workload into what docker run sends for the same flags, with
// the capabilities of grant and no others.
func createRequest(w workload.Spec, grant capability.Set, env environment, read func(path string) ([]byte, error)) (*createBody, error) {
	request, err := w.Request(workload.Client{LookupEnv: env, ReadFile: read, Abs: filepath.Abs})
	if err != nil {
		return nil, err
	}
	body := createBody{
		Config:     container.Config{AttachStdout: true, AttachStderr: true},
		HostConfig: container.HostConfig{NetworkMode: "default"},
	}
	if err := body.fill(request); err != nil {
		return nil, err
	}
	body.HostConfig.CapDrop, body.HostConfig.CapAdd = []string{"ALL"}, grant.ShortNames()
	if value := w.Options.Value("platform"); value != "" {
		p, err := workload.ParsePlatform(value)
		if err != nil {
			return nil, fmt.Errorf("--platform: %w", err)
		}
		body.platform = &ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
	}
	return &body, nil
}

// tooNew says which option an engine of that API would leave out without a word.
func tooNew(o workload.Options, api string) error {
	for _, option := range o.All() {
		if option.Since != "" && versions.LessThan(api, option.Since) {
			return fmt.Errorf("--%s needs an engine with API %s or later; this one has %s", option.Name, option.Since, api)
		}
	}
	return nil
}

// createBody is the part of the create request that a workload fills.
type createBody struct {
	Config           container.Config
	HostConfig       container.HostConfig
	NetworkingConfig network.NetworkingConfig
	// platform is in the request's address; nil leaves it to the image.
	platform *ocispec.Platform
}

// fill puts a tree of the API's fields over what is there. One that the API does not
// have is an error: it would be an option without effect.
func (b *createBody) fill(request map[string]any) error {
	data, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("writing the create request: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(b); err != nil {
		return fmt.Errorf("reading the create request: %w", err)
	}
	return nil
}
