package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// settings translates a workload into what docker run sends for the same flags, with
// the capabilities of grant and no others.
func settings(w workload.Spec, grant capability.Set, env environment, read func(path string) ([]byte, error)) (*container.Config, *container.HostConfig, error) {
	request, err := w.Request(workload.Client{LookupEnv: env, ReadFile: read, Abs: filepath.Abs})
	if err != nil {
		return nil, nil, err
	}
	body := createBody{
		Config:     container.Config{AttachStdout: true, AttachStderr: true},
		HostConfig: container.HostConfig{NetworkMode: "default"},
	}
	if err := body.fill(request); err != nil {
		return nil, nil, err
	}
	body.HostConfig.CapDrop, body.HostConfig.CapAdd = []string{"ALL"}, grant.ShortNames()
	return &body.Config, &body.HostConfig, nil
}

// createBody is the part of the create request that a workload fills.
type createBody struct {
	Config     container.Config
	HostConfig container.HostConfig
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
