// Package empty attaches programs that do nothing to the hooks of an exploring
// run: the limit that the benchmark compares capprof with.
package empty

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Programs are attached empty programs.
type Programs struct {
	objects emptyObjects
	links   []link.Link
}

// Load makes the programs, attached to nothing yet.
func Load() (*Programs, error) {
	p := &Programs{}
	if err := loadEmptyObjects(&p.objects, nil); err != nil {
		return nil, fmt.Errorf("loading the empty programs: %w", err)
	}
	return p, nil
}

// Attach attaches them; Detach undoes it.
func (p *Programs) Attach() error {
	for _, program := range []*ebpf.Program{
		p.objects.EmptySchedProcessExit, p.objects.EmptySysEnter, p.objects.EmptySysExit,
		p.objects.EmptySchedProcessFork, p.objects.EmptySchedProcessExec, p.objects.EmptyCapCapable,
	} {
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return errors.Join(fmt.Errorf("attaching %s: %w", program, err), p.Detach())
		}
		p.links = append(p.links, l)
	}
	return nil
}

// Detach takes them off their hooks.
func (p *Programs) Detach() error {
	var problems []error
	for _, l := range p.links {
		problems = append(problems, l.Close())
	}
	p.links = nil
	return errors.Join(problems...)
}

// Close detaches and unloads them.
func (p *Programs) Close() error { return errors.Join(p.Detach(), p.objects.Close()) }
