package testimage

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/capprof/capprof/internal/testengine"
)

// archived is an image as docker load takes it: a layer of its own upon one that several
// share. A Dockerfile would say the same, but some storage drivers compare the whole
// tree after each of its instructions.
type archived struct {
	reference string
	// config is what an image's configuration has under "config".
	config json.RawMessage
	layer  []byte
}

// searchPath is where the images of services find their programs.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// service reads a service's directory.
func service(name string) (archived, error) {
	dir := serviceDir + "/" + name
	text, err := serviceFiles.ReadFile(dir + "/image.json")
	if err != nil {
		return archived{}, err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return archived{}, err
	}
	env, _ := config["Env"].([]any)
	config["Env"] = append([]any{searchPath}, env...)
	image := archived{reference: fmt.Sprintf("%s/%s:p%d", repository, name, os.Getpid())}
	if image.config, err = json.Marshal(config); err != nil {
		return archived{}, err
	}
	image.layer, err = layer(serviceFiles, dir+"/root")
	return image, err
}

// layer archives a directory as a part of a root file system. Scripts are executable:
// embedded files have no modes.
func layer(files fs.FS, dir string) ([]byte, error) {
	archive := new(bytes.Buffer)
	writer := tar.NewWriter(archive)
	err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == dir:
			return nil // it adds nothing
		case err != nil || name == dir:
			return err
		}
		header := &tar.Header{Name: strings.TrimPrefix(name, dir+"/"), Mode: 0o755, Typeflag: tar.TypeDir}
		if entry.IsDir() {
			header.Name += "/"
			return writer.WriteHeader(header)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		header.Typeflag, header.Size = tar.TypeReg, int64(len(text))
		if !bytes.HasPrefix(text, []byte("#!")) {
			header.Mode = 0o644
		}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		_, err = writer.Write(text)
		return err
	})
	return archive.Bytes(), errors.Join(err, writer.Close())
}

// load has the engine load the images, whose lowest layer is the archive at the path.
func load(ctx context.Context, e *testengine.Engine, shared string, images []archived) error {
	if len(images) == 0 {
		return nil
	}
	tree, err := os.Open(shared)
	if err != nil {
		return fmt.Errorf("opening the tree of the services: %w", err)
	}
	defer tree.Close()
	reader, writer := io.Pipe()
	cmd := e.Command(ctx, "load", "--quiet")
	var complaints strings.Builder
	cmd.Stdin, cmd.Stderr = reader, &complaints
	written := make(chan error, 1)
	go func() {
		err := writeImages(writer, tree, images)
		written <- err
		writer.CloseWithError(err)
	}()
	err = cmd.Run()
	reader.CloseWithError(io.ErrClosedPipe) // so that the writer ends too
	if wrote := <-written; err == nil {
		err = wrote
	}
	if err != nil {
		return fmt.Errorf("loading the images of services: %w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return nil
}

// writeImages writes what docker save does: configurations, layers, and manifest.json,
// which says what belongs together.
// Source: https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
func writeImages(out io.Writer, tree *os.File, images []archived) error {
	type manifest struct {
		Config           string
		RepoTags, Layers []string
	}
	writer := tar.NewWriter(out)
	add := func(name string, size int64, content io.Reader) error {
		if err := writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err := io.Copy(writer, content)
		return err
	}
	addBytes := func(name string, text []byte) error { return add(name, int64(len(text)), bytes.NewReader(text)) }

	hash := sha256.New()
	size, err := io.Copy(hash, tree)
	if err == nil {
		_, err = tree.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	base := fmt.Sprintf("sha256:%x", hash.Sum(nil))
	if err := add("base.tar", size, tree); err != nil {
		return err
	}
	var manifests []manifest
	for _, image := range images {
		name := path.Base(image.reference)
		own := fmt.Sprintf("sha256:%x", sha256.Sum256(image.layer))
		config, err := json.Marshal(map[string]any{
			"architecture": runtime.GOARCH, "os": "linux", "config": image.config,
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{base, own}},
		})
		if err != nil {
			return err
		}
		if err := errors.Join(addBytes(name+".json", config), addBytes(name+".tar", image.layer)); err != nil {
			return err
		}
		manifests = append(manifests, manifest{name + ".json", []string{image.reference}, []string{"base.tar", name + ".tar"}})
	}
	text, err := json.Marshal(manifests)
	if err != nil {
		return err
	}
	return errors.Join(addBytes("manifest.json", text), writer.Close())
}
