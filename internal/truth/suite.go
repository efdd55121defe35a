package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/capprof/capprof/internal/testengine"
)

// suite is what all cases share.
type suite struct {
	options    options
	containers *containers
	images     *images
	grants     grants
	subject    *subject
	early      earlyFailures
	progress   io.Writer
	// dir is for volumes, and for a key of ssh's, whose public half is key.
	dir, key string
}

// compareCases makes the table.
func compareCases(ctx context.Context, o options, out, progress io.Writer) (err error) {
	all, err := cases()
	if err != nil {
		return err
	}
	var chosen []testCase
	for _, k := range all {
		if o.only.MatchString(k.title()) {
			chosen = append(chosen, k)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no case matches %q", o.only)
	}
	if o.list {
		for _, k := range chosen {
			fmt.Fprintln(out, k.title())
		}
		return nil
	}
	engine, err := testengine.ForSuite(ctx)
	if err != nil {
		return err
	}
	c := &suite{options: o, containers: newContainers(engine), images: newImages(engine, progress), progress: progress}
	defer func() {
		// Also after an interrupt, when ctx is of no more use.
		lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer stop()
		err = errors.Join(err, c.containers.close(lasting), c.images.remove(lasting), os.RemoveAll(c.dir), engine.Stop(lasting))
	}()
	if err := c.prepare(ctx, chosen); err != nil {
		return err
	}
	if c.subject != nil {
		defer func() { err = errors.Join(err, c.subject.close()) }()
	}
	results, err := c.compareAll(ctx, chosen)
	if err != nil {
		return err
	}
	t := newTable(results, c.grants, o)
	if err := t.print(out); err != nil {
		return err
	}
	if o.json != "" {
		if err := t.writeJSON(o.json); err != nil {
			return err
		}
	}
	if t.wrong() {
		return errWrong
	}
	return nil
}

func (c *suite) prepare(ctx context.Context, chosen []testCase) (err error) {
	if c.dir, err = os.MkdirTemp("", "capprof-truth-volume-"); err != nil {
		return fmt.Errorf("making a directory for volumes: %w", err)
	}
	if err := os.Chmod(c.dir, 0o1777); err != nil {
		return fmt.Errorf("opening the directory for volumes: %w", err)
	}
	// What the engine grants is asked with an image that is there in any case.
	needed := []imageName{scratch}
	var programs []string
	for _, k := range chosen {
		needed = append(needed, k.image)
		if k.serves != nil && k.serves.image != "" && !slices.Contains(programs, k.serves.image) {
			programs = append(programs, k.serves.image)
		}
		for _, fix := range k.remedies {
			needed = append(needed, fix.image)
		}
	}
	if err := errors.Join(c.images.load(ctx, needed), c.images.loadServices(ctx, programs)); err != nil {
		return err
	}
	if slices.Contains(programs, "sshd") {
		if c.key, err = newKey(ctx, filepath.Join(c.dir, "id")); err != nil {
			return err
		}
	}
	if c.grants, err = c.containers.tryAll(ctx, c.images.loaded[scratch]); err != nil {
		return fmt.Errorf("asking the engine what it grants: %w", err)
	}
	fmt.Fprintf(c.progress, "the engine grants %d capabilities and refuses %d\n", c.grants.all.Len(), len(c.grants.refused))
	if c.options.bruteForceOnly {
		return nil
	}
	path, err := filepath.Abs(c.options.capprof)
	if err != nil {
		return fmt.Errorf("finding capprof: %w", err)
	}
	c.subject, err = newSubject(path, c.containers.engine.Host)
	return err
}

// compareAll takes as many cases at a time as was asked for, in their order.
func (c *suite) compareAll(ctx context.Context, chosen []testCase) ([]result, error) {
	results := make([]result, len(chosen))
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(c.options.jobs)
	for i, k := range chosen {
		workers.Go(func() error {
			start := time.Now()
			results[i] = c.compareOne(ctx, k)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			fmt.Fprintf(c.progress, "%3d/%d  %-40s %-24s %5.1f s\n", i+1, len(chosen), k.title(), results[i].word(), time.Since(start).Seconds())
			return nil
		})
	}
	return results, workers.Wait()
}

func (c *suite) compareOne(ctx context.Context, k testCase) (r result) {
	r.testCase = k
	if k.absent != nil {
		if r.absent = k.absent(); r.absent != "" {
			return r
		}
	}
	flags := c.flags(k)
	command, err := k.argv()
	if err != nil {
		r.err = err
		return r
	}
	image := c.images.of(k)
	if k.enters != nil {
		stop, err := c.containers.enter(ctx, image, k.enters)
		if err != nil {
			r.err = fmt.Errorf("entering: %w", err)
			return r
		}
		defer stop()
	}
	if k.counts {
		flags = append(flags, "--volume", c.containers.volume(k.name)+":/runs")
		defer func() {
			// Also after an interrupt, when ctx is of no more use.
			lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer stop()
			r.err = errors.Join(r.err, c.containers.forget(lasting, k.name))
		}()
	}
	judged := command
	if k.judge != nil {
		judged = k.judge
	}
	own, err := c.find(ctx, k, image, flags, judged, k.noSet)
	if r.withAll = own.withAll; err != nil {
		r.err = fmt.Errorf("brute force: %w", err)
		return r
	}
	r.truth, r.complete, r.exhaustiveRuns = own.sets, own.complete, own.exhaustive
	r.needed = own.needed()
	strict := own
	if k.strict != nil {
		if strict, err = c.find(ctx, k, image, slices.Concat(flags, k.strict), judged, k.noSetStrict); err != nil {
			r.err = fmt.Errorf("brute force, with %v: %w", k.strict, err)
			return r
		}
		r.strict, r.exhaustiveRuns = strict.sets, r.exhaustiveRuns+strict.exhaustive
	}
	r.bruteForceRuns = own.runs()
	if strict != own {
		r.bruteForceRuns += strict.runs()
	}
	if r.err = c.tryRemedies(ctx, &r); r.err != nil || c.subject == nil || k.serves != nil && !c.subject.takes("--probe") {
		return r
	}
	if k.counts {
		// capprof's runs count from 1.
		if err := errors.Join(c.containers.forget(ctx, k.name), c.containers.begin(ctx, k.name)); err != nil {
			r.err = err
			return r
		}
	}
	if k.relaxations != nil {
		flags = append(flags, "--privileged")
	}
	flags = append(flags, k.serves.options(c)...)
	if r.answer, err = c.subject.profile(ctx, image, flags, command, k); err != nil {
		r.err = fmt.Errorf("capprof: %w", err)
		return r
	}
	r.err = r.compare(ctx, own, strict)
	return r
}

// flags are docker run's for a case: without a network where it serves nobody.
func (c *suite) flags(k testCase) []string {
	var flags []string
	if k.serves == nil {
		flags = append(flags, "--network", "none")
	}
	return append(flags, c.filled(k.flags)...)
}

// filled are words of a case with {dir} standing for a directory of the suite's that
// anybody may write to, and {key} for the public key of {dir}/id.
func (c *suite) filled(words []string) []string {
	var all []string
	for _, word := range words {
		all = append(all, strings.NewReplacer("{dir}", c.dir, "{key}", c.key).Replace(word))
	}
	return all
}

// tryRemedies shows that each remedy of a case makes it pass, with nothing beyond
// what the remedy says.
func (c *suite) tryRemedies(ctx context.Context, r *result) error {
	for _, fix := range r.testCase.remedies {
		command := fix.command
		if command == nil {
			command = r.testCase.command
		}
		o, err := c.containers.run(ctx, c.images.loaded[fix.image], c.flags(testCase{flags: fix.flags}), command, fix.set, r.testCase.timeLimit())
		r.bruteForceRuns++
		switch {
		case err != nil:
			return fmt.Errorf("remedy %q: %w", fix.name, err)
		case !o.Passed():
			return fmt.Errorf("remedy %q does not fix it: %s", fix.name, lastLine(o.Tail))
		}
	}
	return nil
}
