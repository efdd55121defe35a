package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// likeFlag is --like: the workload is an existing container.
type likeFlag struct{ container string }

func addLikeFlag(flags *pflag.FlagSet) *likeFlag {
	l := &likeFlag{}
	flags.StringVar(&l.container, "like", "", "run what an existing `container` runs, as it was made; options given beside it go over it")
	return l
}

// likeHelp is what the help says of it.
const likeHelp = "With --like CONTAINER, image, command and options are the container's, which is left alone: it may run or not. " +
	"IMAGE replaces its image, -- COMMAND its command; values of an option that may be given again and again are added to its own. " +
	"Its labels, its log's driver and its names and addresses on networks are left out: others act on those."

// workload is the container's, with what was given beside it.
func (l *likeFlag) workload(ctx context.Context, flags *flagSet, docker *workloadFlags, search *searchFlags, std stdio) (workload.Spec, error) {
	image, command, err := argumentsBeside(flags)
	if err != nil {
		return workload.Spec{}, err
	}
	d, err := describe(ctx, l.container, std)
	if err != nil {
		return workload.Spec{}, err
	}
	w := d.Like(image, command)
	if docker.flags.Changed("entrypoint") {
		// As for docker run, another entrypoint takes the command away.
		w.Command = command
	}
	data, err := search.data.options()
	if err != nil {
		return workload.Spec{}, err
	}
	if data.Policy != workload.FreshData {
		// What the container keeps without a name is the user's too.
		w.Options = over(w.Options, workload.Options{}.With(d.Anonymous...), nil)
	}
	w.Options = over(w.Options, docker.given, docker.changed)
	if err := w.Options.Validate(); err != nil {
		return workload.Spec{}, usageError("container %s: %w", d.Name, err)
	}
	if at := stillMounted(d.Writes, w.Options); len(at) > 0 && data.Policy == workload.FreshData {
		return workload.Spec{}, usageError("container %s runs and can write to the host's %s. A second one like it there may destroy data: "+
			"--volumes copy runs on copies, --volumes own on the same directories; or stop the container first", d.Name, strings.Join(at, ", "))
	}
	if !search.quiet {
		fmt.Fprintf(std.err, "capprof: like container %s, which stays as it is\n", d.Name)
		for _, note := range d.Notes {
			fmt.Fprintln(std.err, "capprof: "+note)
		}
	}
	return w, nil
}

// argumentsBeside are [IMAGE] [-- COMMAND].
func argumentsBeside(flags *flagSet) (image string, command []string, err error) {
	args := flags.Args()
	if flags.ArgsLenAtDash() == 0 {
		// No image stands before the dashes.
		_, command, err = splitWorkload(append([]string{""}, args...))
		return "", command, err
	}
	return splitWorkload(args)
}

// describe asks the engine for a container.
func describe(ctx context.Context, container string, std stdio) (engine.Description, error) {
	if container == "" {
		return engine.Description{}, usageError("--like is empty: give it the name or the ID of a container")
	}
	at, err := openEngine(std, nil)
	if err != nil {
		return engine.Description{}, err
	}
	d, err := at.Describe(ctx, container)
	return d, errors.Join(err, at.Close())
}

// over puts options over those of a container: a value over a value, and lists behind
// lists, where what is mounted at a place takes the place of what was. The networks go
// together, and so do today's privileges. changed reports an option that was given, to
// switch it off maybe; nil is for those that have values.
func over(under, given workload.Options, changed func(*workload.Option) bool) workload.Options {
	if changed == nil {
		changed = func(o *workload.Option) bool { return len(given.Values(o.Name)) > 0 }
	}
	privileges := slices.ContainsFunc(workload.Table, func(o *workload.Option) bool { return o.Baseline && changed(o) })
	for _, option := range workload.Table {
		values := given.Values(option.Name)
		switch {
		case option.Baseline && privileges:
			under = under.Set(option.Name, values...)
		case !changed(option):
		case option.Kind == workload.List && option.Name != "network":
			for _, value := range values {
				under = without(under, mountedAt(option, value))
			}
			under = under.Set(option.Name, slices.Concat(under.Values(option.Name), values)...)
			// Only what counts: the profile would hold the others too.
			under = under.Set(option.Name, under.Values(option.Name)...)
		default:
			under = under.Set(option.Name, values...)
		}
	}
	return under
}

// mountedAt is the place where a value of an option mounts something, "" for none.
func mountedAt(option *workload.Option, value string) string {
	o := workload.Options{}.Set(option.Name, value)
	for _, v := range slices.Concat(o.Volumes(), o.Tmpfs()) {
		return path.Clean(v.Target)
	}
	return ""
}

// without takes away what is mounted at a place.
func without(o workload.Options, target string) workload.Options {
	if target == "" {
		return o
	}
	for _, option := range o.All() {
		kept := slices.DeleteFunc(o.Values(option.Name), func(value string) bool { return mountedAt(option, value) == target })
		if option.Kind == workload.List && len(kept) < len(o.Values(option.Name)) {
			o = o.Set(option.Name, kept...)
		}
	}
	return o
}

// stillMounted are those directories of the host that options mount for writing.
func stillMounted(dirs []string, o workload.Options) []string {
	return slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool {
		return !slices.ContainsFunc(o.Volumes(), func(v workload.Volume) bool { return path.Clean(v.Source) == path.Clean(dir) && !v.ReadOnly() })
	})
}
