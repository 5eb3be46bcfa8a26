package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/process"
)

const (
	startLimit = 3 * time.Minute // until a control plane serves, and until all proxies have all
	editLimit  = 30 * time.Second
	quiet      = 60 * time.Millisecond  // without an acknowledgement: nothing more comes
	editRest   = 100 * time.Millisecond // between two edits
)

// errTooLarge: the size does not fit in the memory that is allowed.
var errTooLarge = errors.New("too large")

// measured is what one size showed.
type measured struct {
	size
	start, synced float64 // seconds until it served, and until all proxies had all
	first         float64 // bytes to a proxy for all it is to have
	edits         []timing
	cpu           float64 // seconds of the control plane in all
	peak          int64   // of its memory
	before        int64   // its memory before a proxy came
}

// timing is the edits of one kind.
type timing struct {
	edit
	took  []float64 // milliseconds
	bytes []float64 // to the proxy that was sent most
	cpu   float64   // milliseconds of the control plane for each
}

// perProxy is the memory that a proxy costs.
func (m measured) perProxy() float64 { return float64(m.peak-m.before) / float64(m.proxies) }

// measure runs one size.
func (o options) measure(ctx context.Context, s size, rounds int) (m measured, err error) {
	folder, err := os.MkdirTemp("", "bench-xds")
	if err != nil {
		return m, fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	w := world{filepath.Join(folder, "mesh"), s}
	if o.keep != "" {
		w.dir = filepath.Join(o.keep, s.String())
	}
	if err := w.write(); err != nil {
		return m, err
	}
	m.size = s
	began := time.Now()
	p, err := start(ctx, o.bin, w.dir, filepath.Join(folder, "state"), startLimit)
	if err != nil {
		return m, err
	}
	defer p.stop()
	m.start = time.Since(began).Seconds()
	before, err := process.Memory(p.pid())
	if err != nil {
		return m, err
	}
	m.before = before.Resident

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go p.guard(ctx, o.memory, func() { cancel(errTooLarge) })
	err = m.run(ctx, w, p, rounds)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil && len(p.log.String()) > 0 && !errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%w; the control plane said: %.2000s", err, p.log.String())
	}
	return m, err
}

func (m *measured) run(ctx context.Context, w world, p *plane, rounds int) error {
	ctx, cancel := context.WithCancel(ctx)
	f := connect(ctx, p.socket("xds"), w.nodes(), arrival{typeVirtualHost, contains("/"), w.proxies})
	defer func() {
		cancel()
		_ = f.group.Wait() // each ends by the cancellation
	}()
	began := time.Now()
	last, err := f.arrived(ctx, 10*quiet, startLimit)
	if err != nil {
		return fmt.Errorf("waiting for all proxies: %w", err)
	}
	m.synced = last.Sub(began).Seconds()
	m.first = figure.Median(f.since(nil))
	progress("%v: served after %.2f s, all proxies had all %.2f s later, %.0f kB each", w.size, m.start, m.synced, m.first/1000)
	for _, e := range edits() {
		t, err := e.measure(ctx, w, p, f, rounds)
		if err != nil {
			return fmt.Errorf("editing a %s: %w", e.name, err)
		}
		m.edits = append(m.edits, t)
		progress("%v: %s: median %.0f ms, p99 %.0f ms, %.0f bytes", w.size, e.name,
			figure.Median(t.took), figure.Quantile(t.took, 0.99), figure.Median(t.bytes))
	}
	cpu, err := process.CPU(p.pid())
	if err != nil {
		return err
	}
	m.cpu = cpu.Seconds()
	memory, err := process.Memory(p.pid())
	m.peak = memory.Peak
	return err
}

// measure makes an edit again and again. The first one is not counted: it
// brings nothing but its own file into caches.
func (e edit) measure(ctx context.Context, w world, p *plane, f *fleet, rounds int) (timing, error) {
	t := timing{edit: e}
	var began time.Duration
	for n := range rounds + 1 {
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-time.After(editRest):
		}
		if n == 1 {
			began, _ = process.CPU(p.pid())
		}
		file, text, wanted := e.write(w, n)
		received := f.received()
		f.expect(wanted)
		at := time.Now()
		if err := w.replace(file, text); err != nil {
			return t, err
		}
		last, err := f.arrived(ctx, quiet, editLimit)
		if err != nil {
			return t, err
		}
		if n > 0 {
			t.took = append(t.took, float64(last.Sub(at).Microseconds())/1000)
			t.bytes = append(t.bytes, figure.Quantile(f.since(received), 1))
		}
	}
	ended, err := process.CPU(p.pid())
	t.cpu = float64((ended - began).Milliseconds()) / float64(rounds)
	return t, err
}

// findLargest doubles the last size until the memory or the time is over.
func (o options) findLargest(ctx context.Context, r *report) error {
	end := time.Now().Add(o.search)
	next := size{250, 50}
	if len(r.sizes) > 0 {
		next = r.sizes[len(r.sizes)-1].size.doubled()
	}
	for {
		began := time.Now()
		m, err := o.measure(ctx, next, min(o.rounds, 5))
		switch {
		case errors.Is(err, errTooLarge):
			r.ended = fmt.Sprintf("%v needs more than %.1f GB", next, float64(o.memory)/(1<<30))
			return nil
		case err != nil:
			return fmt.Errorf("%v: %w", next, err)
		}
		r.sizes = append(r.sizes, m)
		if took := time.Since(began); time.Now().Add(4 * took).After(end) {
			r.ended = fmt.Sprintf("%v would take longer than the search may", next.doubled())
			return nil
		}
		next = next.doubled()
	}
}
