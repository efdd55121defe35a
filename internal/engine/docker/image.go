package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// image finds an image as docker run does: what is here is used, unless --pull says
// otherwise or it is for another platform; what is not is pulled with the credentials that
// docker login stored.
func (e *Engine) image(ctx context.Context, w workload.Spec, progress io.Writer) (image.InspectResponse, error) {
	name, when, platform := w.Image, w.Options.Value("pull"), w.Options.Value("platform")
	inspect := func() (image.InspectResponse, error) { return e.inspectImage(ctx, name) }
	found, err := inspect()
	missing := errdefs.IsNotFound(err) || err == nil && !isFor(found, platform)
	switch {
	case missing && when == "never":
		return found, fmt.Errorf("%w: %q is not here, and --pull never forbids to fetch it", engine.ErrNoImage, name)
	case missing, err == nil && when == "always":
		if err := e.pull(ctx, name, platform, progress); err != nil {
			return found, err
		}
		found, err = inspect()
	}
	switch {
	case errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err), err != nil && strings.Contains(err.Error(), reference.ErrReferenceInvalidFormat.Error()):
		return found, fmt.Errorf("%w: %q: %w", engine.ErrNoImage, name, err)
	case err != nil:
		return found, e.failed(fmt.Sprintf("inspecting image %q", name), err)
	}
	return found, nil
}

// inspectImage is what the engine says of an image. Podman tells the health check in its
// own API alone.
func (e *Engine) inspectImage(ctx context.Context, name string) (image.InspectResponse, error) {
	doing := fmt.Sprintf("inspecting image %q", name)
	found, err := look(ctx, e, doing, func(ctx context.Context) (image.InspectResponse, error) { return e.api.ImageInspect(ctx, name) })
	if err != nil || found.Config == nil || found.Config.Healthcheck != nil {
		return found, err
	}
	about, err := e.whoIsIt(ctx)
	if err != nil || about.kind != Podman {
		return found, err
	}
	found.Config.Healthcheck, err = look(ctx, e, doing, func(ctx context.Context) (*dockerspec.HealthcheckConfig, error) {
		var own struct{ Healthcheck *dockerspec.HealthcheckConfig }
		err := libpod{e}.ask(ctx, "images/"+found.ID+"/json", &own)
		return own.Healthcheck, err
	})
	return found, err
}

// isFor reports whether an image is for a platform; "" is for any.
func isFor(found image.InspectResponse, platform string) bool {
	p, err := workload.ParsePlatform(platform)
	if platform == "" || err != nil {
		return true
	}
	return found.Os == p.OS && found.Architecture == p.Architecture && (p.Variant == "" || found.Variant == "" || found.Variant == p.Variant)
}

// repositoryDigest picks the digest of the repository that was asked for. An
// image pulled under several names has several, and the first otherwise.
func repositoryDigest(name string, digests []string) string {
	if asked, err := reference.ParseNormalizedNamed(name); err == nil {
		for _, digest := range digests {
			if known, err := reference.ParseNormalizedNamed(digest); err == nil && known.Name() == asked.Name() {
				return digest
			}
		}
	}
	// By ID or by a name that was tagged here: any digest is one of this image.
	if len(digests) > 0 {
		return digests[0]
	}
	return ""
}

// pull fetches an image and reports it in a few lines: what is pulled, each
// finished layer, and the digest.
func (e *Engine) pull(ctx context.Context, name, platform string, progress io.Writer) error {
	asked, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return fmt.Errorf("%w: %q is neither an image here nor a name to pull: %w", engine.ErrNoImage, name, err)
	}
	asked = reference.TagNameOnly(asked)
	credentials, err := e.credentials(asked)
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "pulling %s\n", reference.FamiliarString(asked))
	stream, err := ask(ctx, e, e.patience.work, "pulling "+reference.FamiliarString(asked), func(ctx context.Context) (io.ReadCloser, error) {
		return e.api.ImagePull(ctx, asked.String(), image.PullOptions{RegistryAuth: credentials, Platform: platform})
	}, func(late io.ReadCloser) { _ = late.Close() })
	if err == nil {
		var digest string
		digest, err = followPull(stream, progress)
		err = errors.Join(err, stream.Close())
		if err == nil {
			fmt.Fprintf(progress, "pulled %s (%s)\n", reference.FamiliarString(asked), digest)
			return nil
		}
	}
	if ctx.Err() != nil || unreachable(err) || isSilence(err) {
		return e.failed(fmt.Sprintf("pulling %s", reference.FamiliarString(asked)), err)
	}
	return fmt.Errorf("%w: %s is not here and could not be pulled (check the name, build it, or docker login to its registry): %w",
		engine.ErrNoImage, reference.FamiliarString(asked), err)
}

// credentials are those of the image's registry, encoded for the API; empty
// when none are stored.
func (e *Engine) credentials(asked reference.Named) (string, error) {
	file, err := configuration(e.environ)
	if err != nil {
		return "", err
	}
	server := reference.Domain(asked)
	if server == "docker.io" {
		// The key that docker login has used for Docker Hub ever since.
		server = "https://index.docker.io/v1/"
	}
	stored, err := file.GetAuthConfig(server)
	if err != nil {
		return "", fmt.Errorf("reading the credentials of %s: %w", server, err)
	}
	encoded, err := registry.EncodeAuthConfig(registry.AuthConfig{
		Username: stored.Username, Password: stored.Password, Auth: stored.Auth,
		ServerAddress: stored.ServerAddress, IdentityToken: stored.IdentityToken, RegistryToken: stored.RegistryToken,
	})
	if err != nil {
		return "", fmt.Errorf("encoding the credentials of %s: %w", server, err)
	}
	return encoded, nil
}

// pullMessage is the part of the engine's progress messages that is used here
// (moby pkg/jsonmessage).
type pullMessage struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Error  string `json:"error"`
}

// followPull reads the engine's progress messages to their end and returns the
// digest they name. The stream carries errors too: its HTTP status was sent
// before the pull began.
func followPull(stream io.Reader, progress io.Writer) (digest string, err error) {
	layers := make(map[string]bool)
	done := 0
	for decoder := json.NewDecoder(stream); ; {
		var message pullMessage
		switch err := decoder.Decode(&message); {
		case errors.Is(err, io.EOF):
			return digest, nil
		case err != nil:
			return "", fmt.Errorf("reading the progress of the pull: %w", err)
		case message.Error != "":
			return "", errors.New(message.Error)
		}
		switch message.Status {
		case "Pulling fs layer", "Already exists":
			layers[message.ID] = message.Status == "Already exists"
			if layers[message.ID] {
				done++
			}
		case "Pull complete":
			if finished, known := layers[message.ID]; known && !finished {
				layers[message.ID] = true
				done++
				fmt.Fprintf(progress, "pulled %d of %d layers\n", done, len(layers))
			}
		}
		if value, ok := strings.CutPrefix(message.Status, "Digest: "); ok {
			digest = value
		}
	}
}
