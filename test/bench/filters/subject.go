package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/load"
	"github.com/krater-mesh/krater/test/bench/process"
)

// The names of what is measured, as the figures have them.
const (
	none   = "none"
	bare   = "bare"   // an empty filter on the upstream SDK
	ours   = "header" // one header, on ours
	built1 = "builtin1"
	built2 = "builtin2"
	built4 = "builtin4"
	watch  = "watch" // ours, as somebody else's: with the watch around it
)

// subject is one Envoy with its filter.
type subject struct {
	name, text string
	filter     sandbox.Filter
	watched    bool
	size       int64 // of the module, bytes

	sandbox *sandbox.Sandbox
	loaded  time.Duration
	memory  int64     // of Envoy with one worker, after the load
	worker  int64     // of each further worker
	cpu     []float64 // µs a request, by round
	p50     []float64 // ms
}

func (s *subject) close() {
	if s.sandbox != nil {
		s.sandbox.Close()
	}
}

// subjects lists what is measured. Each adds to the one before it in what a
// reader wants to compare.
func (o options) subjects() []*subject {
	return []*subject{
		{name: none, text: "no filter"},
		{name: bare, text: "empty, upstream SDK", filter: sandbox.Filter{File: filepath.Join(o.modules, "bare-empty.wasm")}},
		{name: ours, text: "one header, our SDK", filter: sandbox.Filter{File: filepath.Join(o.modules, "header.wasm")}},
		{name: built1, text: "1 built-in", filter: sandbox.Filter{File: o.builtin, RootID: "headers", Config: headersConfig}},
		{name: built2, text: "2 built-ins, fused", filter: sandbox.Filter{File: o.builtin, RootID: "fused", Config: fused(headers, denier)}},
		{name: built4, text: "4 built-ins, fused", filter: sandbox.Filter{File: o.builtin, RootID: "fused", Config: fused(headers, denier, accesslist, attributes)}},
		{name: watch, text: "one header, watched", filter: sandbox.Filter{File: filepath.Join(o.modules, "header.wasm")}, watched: true},
	}
}

// start starts an Envoy for each subject, with one worker.
func (o options) start(ctx context.Context) ([]*subject, error) {
	list := o.subjects()
	for _, s := range list {
		progress("starting an Envoy: %s", s.text)
		var err error
		if s.sandbox, s.loaded, err = o.open(ctx, s, 1); err != nil {
			return list, err
		}
	}
	return list, nil
}

func (o options) open(ctx context.Context, s *subject, workers int) (*sandbox.Sandbox, time.Duration, error) {
	envoy, err := agent.FindEnvoy()
	if err != nil {
		return nil, 0, err
	}
	box, err := sandbox.Start(ctx, sandbox.Options{Envoy: envoy, Concurrency: workers})
	if err != nil {
		return nil, 0, err
	}
	box.Answer(&sandbox.Answer{Body: "ok\n"})
	if s.filter.File == "" {
		return box, 0, nil
	}
	f := s.filter
	if f.File, err = filepath.Abs(f.File); err == nil {
		var info os.FileInfo
		if info, err = os.Stat(f.File); err == nil {
			s.size = info.Size()
		}
	}
	if err != nil {
		box.Close()
		return nil, 0, fmt.Errorf("%w: run `make filters`", err)
	}
	all := []sandbox.Filter{f}
	if s.watched {
		before, behind := o.watch(f.File)
		all = []sandbox.Filter{before, f, behind}
	}
	took, err := box.Load(ctx, all...)
	if err != nil {
		box.Close()
		return nil, 0, fmt.Errorf("%s: %w", s.text, err)
	}
	return box, took, nil
}

// watch is the watch before and behind a filter, as proxies have it.
func (o options) watch(name string) (before, behind sandbox.Filter) {
	before = sandbox.Filter{File: o.watchFile, FailurePolicy: "FAIL_OPEN"}
	behind = before
	before.RootID, behind.RootID = model.WatchRoots(filepath.Base(name), model.DefaultFilterPause)
	return before, behind
}

// measure loads the subjects in turns; each round begins with another one.
func (o options) measure(ctx context.Context, list []*subject) error {
	for round := -1; round < o.rounds; round++ {
		for i := range list {
			s := list[(max(round, 0)+i)%len(list)]
			cpu, result, err := o.load(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.text, err)
			}
			if round < 0 { // warming up
				continue
			}
			s.cpu, s.p50 = append(s.cpu, cpu), append(s.p50, result.P50)
			progress("round %d of %d, %-20s %6.1f µs a request", round+1, o.rounds, s.text, cpu)
		}
	}
	for _, s := range list {
		var err error
		if s.memory, err = s.sandbox.Memory(); err != nil {
			return err
		}
	}
	return nil
}

func (o options) load(ctx context.Context, s *subject) (cpu float64, r load.Result, err error) {
	before, err := process.CPU(s.sandbox.PID())
	if err != nil {
		return 0, r, err
	}
	r, err = load.Load{URL: s.sandbox.URL() + "/", Requests: o.requests, Connections: o.connections, Limit: 3 * time.Minute}.Run(ctx)
	if err != nil {
		return 0, r, err
	}
	after, err := process.CPU(s.sandbox.PID())
	return float64((after - before).Microseconds()) / float64(o.requests), r, err
}

// workers measures what each further worker takes: Envoys of four against
// those of one, both after some requests.
func (o options) workers(ctx context.Context, list []*subject) error {
	const many = 4
	for _, s := range list {
		progress("memory of %d workers: %s", many, s.text)
		sizes := [2]int64{}
		for i, n := range []int{1, many} {
			box, _, err := o.open(ctx, s, n)
			if err != nil {
				return err
			}
			_, err = load.Load{URL: box.URL() + "/", Requests: 2000, Connections: 8 * n, Limit: time.Minute}.Run(ctx)
			if err == nil {
				sizes[i], err = box.Memory()
			}
			box.Close()
			if err != nil {
				return err
			}
		}
		s.worker = (sizes[1] - sizes[0]) / (many - 1)
	}
	return nil
}

func (s *subject) median() float64 { return figure.Median(s.cpu) }
