// Package testimage makes the images that tests run, without a registry: one of
// Debian packages, and small ones from scratch around a static program.
//
// An image is imported under a tag of the calling process's own, so that suites
// may run side by side on one engine, and is meant to be removed when they end.
package testimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/capprof/capprof/internal/testengine"
)

// repository is the name that all test images share.
const repository = "capprof-test"

// importTar imports a root file system and returns the image's reference. The
// changes are Dockerfile instructions (docker import --change).
func importTar(ctx context.Context, e *testengine.Engine, name string, tar io.Reader, changes ...string) (string, error) {
	reference := fmt.Sprintf("%s/%s:p%d", repository, name, os.Getpid())
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "--change", change)
	}
	cmd := e.Command(ctx, append(args, "-", reference)...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = tar, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("importing %s: %w: %s", reference, err, strings.TrimSpace(stderr.String()))
	}
	return reference, nil
}

// Remove removes images; those that are not there are no error.
func Remove(ctx context.Context, e *testengine.Engine, references ...string) error {
	var problems []error
	for _, reference := range references {
		_, err := e.Output(ctx, "image", "rm", reference)
		if err != nil && !strings.Contains(err.Error(), "No such image") {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
