// Package probe asks an application whether it is ready, as its WorkloadGroup
// says, and reports each change. It decides nothing about endpoints: the
// control plane does.
package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Options of a Prober.
type Options struct {
	// AllowExec lets probes run commands on this machine. Whoever may edit the
	// WorkloadGroup chooses them, so the machine has to agree.
	AllowExec bool
	// Report is told what the application is, from the first time that this is
	// known, and why it is not well.
	Report func(healthy bool, why string)
}

// Prober asks one application, time and again.
type Prober struct {
	o Options

	mu     sync.Mutex
	probe  *model.Probe
	set    bool
	change chan struct{} // closed at the next Set
}

// New makes a Prober; it asks nothing before it knows what.
func New(o Options) *Prober { return &Prober{o: o, change: make(chan struct{})} }

// Set says what to ask from now on; nil: nothing, the application is well.
func (p *Prober) Set(probe *model.Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set && model.Hash(probe) == model.Hash(p.probe) {
		return
	}
	p.probe, p.set = probe, true
	close(p.change)
	p.change = make(chan struct{})
}

func (p *Prober) now() (probe *model.Probe, set bool, change <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.probe, p.set, p.change
}

// Run asks until ctx ends. What was reported stays until something else is
// known, also when the question changes.
func (p *Prober) Run(ctx context.Context) error {
	var t tally
	began := time.Now()
	for ctx.Err() == nil {
		probe, set, change := p.now()
		switch {
		case set && probe == nil:
			if t.settle(well) {
				p.o.Report(true, "")
			}
		case set:
			t.restart()
			p.follow(ctx, probe, &t, began, change)
			continue
		}
		select {
		case <-ctx.Done():
		case <-change:
		}
	}
	return nil
}

// follow asks one question until it changes. Only the first one after the
// start waits for the application.
func (p *Prober) follow(ctx context.Context, probe *model.Probe, t *tally, began time.Time, change <-chan struct{}) {
	next := time.NewTimer(probe.InitialDelay.Std() - time.Since(began))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-change:
			return
		case <-next.C:
		}
		next.Reset(max(probe.Period.Std(), time.Millisecond))
		err := p.ask(ctx, probe)
		if ctx.Err() != nil {
			return
		}
		if t.add(err == nil, probe) {
			why := ""
			if err != nil {
				why = err.Error()
			}
			p.o.Report(err == nil, why)
		}
	}
}

// errNoExec is what a machine says that lets nobody run commands on it.
var errNoExec = errors.New("this machine runs no commands for probes: start its agent with --exec-probes")

func (p *Prober) ask(ctx context.Context, probe *model.Probe) error {
	if len(probe.Exec) > 0 && !p.o.AllowExec {
		return errNoExec
	}
	return Ask(ctx, probe)
}
