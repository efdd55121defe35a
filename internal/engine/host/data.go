package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/capprof/capprof/internal/copytree"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// Data are the directories that stand for the volumes without a source.
type Data struct {
	engine *Engine

	mu sync.Mutex
	// root holds them, by number; "" while there is none.
	root    string
	targets map[string]string
}

var _ engine.Data = (*Data)(nil)

// dataPrefix is what the names of the directories begin with that hold the data of a run.
const dataPrefix = "capprof-data-"

// ownerFile is where such a directory says who made it.
const ownerFile = "owner"

// Data makes nothing yet: a directory comes with the first container that mounts it. A
// copy of the user's directories is not made.
func (s *Subject) Data(ctx context.Context, o engine.DataOptions) (engine.Data, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, v := range s.identity.Volumes {
		if o.Policy == workload.CopiedData && v.Kind == engine.BindMount && !v.ReadOnly {
			return nil, fmt.Errorf("%w: --volumes copy: plain processes write to the machine's files under an overlay already; leave --volume %s out, and no run sees what another wrote there", engine.ErrBadWorkload, v.Source)
		}
	}
	return &Data{engine: s.engine}, nil
}

// directory is the one for a target. The first time it is filled with what the machine has
// there, as Docker fills a volume from the image.
func (d *Data) directory(target string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := d.targets[target]; at != "" {
		return at, nil
	}
	if d.root == "" {
		root, err := os.MkdirTemp("", dataPrefix)
		if err != nil {
			return "", fmt.Errorf("making a directory for a volume: %w", err)
		}
		d.root, d.targets = root, map[string]string{}
		if err := os.WriteFile(filepath.Join(root, ownerFile), []byte(d.engine.owner.String()), 0o600); err != nil {
			return "", err
		}
	}
	at := filepath.Join(d.root, fmt.Sprint(len(d.targets)))
	if err := os.Mkdir(at, 0o755); err != nil {
		return "", err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		if _, err := copytree.Copy(context.Background(), target, at, copytree.Options{}); err != nil && !errors.Is(err, copytree.ErrKernelFiles) {
			return "", fmt.Errorf("filling the volume at %s with what the machine has there: %w", target, err)
		}
	}
	d.targets[target] = at
	return at, nil
}

// Remove deletes the directories.
func (d *Data) Remove(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.root == "" {
		return nil
	}
	root := d.root
	d.root, d.targets = "", nil
	return os.RemoveAll(root)
}
