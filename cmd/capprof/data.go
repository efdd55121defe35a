package main

import (
	"fmt"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// dataFlags say what each run finds in its volumes.
type dataFlags struct {
	policy string
	limit  sizeFlag
}

func (d *dataFlags) add(to *pflag.FlagSet) {
	d.limit = 10 << 30
	to.StringVar(&d.policy, "volumes", string(workload.FreshData), "what each run finds in named volumes and writable directories, a `policy`: fresh (new volumes; directories are yours), copy (of both), or own")
	to.Var(&d.limit, "volumes-limit", "the most that --volumes copy copies for one run, a `size` such as 500MB")
}

// options are those of the engine.
func (d *dataFlags) options() (engine.DataOptions, error) {
	policy, err := workload.ParseDataPolicy(d.policy)
	if err != nil {
		return engine.DataOptions{}, usageError("--volumes: %w", err)
	}
	return engine.DataOptions{Policy: policy, Limit: int64(d.limit)}, nil
}

// sizeFlag is a number of bytes, written as for docker run --memory.
type sizeFlag int64

func (f *sizeFlag) String() string {
	return units.CustomSize("%g%s", float64(*f), 1024, []string{"B", "KB", "MB", "GB", "TB"})
}

// Type is what pflag shows of a flag whose usage names no value.
func (f *sizeFlag) Type() string { return "size" }

func (f *sizeFlag) Set(value string) error {
	n, err := units.RAMInBytes(value)
	switch {
	case err != nil:
		return err
	case n <= 0:
		return fmt.Errorf("%q is no size above 0", value)
	}
	*f = sizeFlag(n)
	return nil
}
