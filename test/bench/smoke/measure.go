package main

import (
	"context"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/test/bench/load"
	"github.com/krater-mesh/krater/test/bench/mesh"
	"github.com/krater-mesh/krater/test/bench/process"
)

const (
	idleFor     = 5 * time.Second // how long idling is watched
	settleLeast = 1500 * time.Millisecond
	settleMost  = 15 * time.Second
	settleStep  = 500 * time.Millisecond
)

// sample is one load of one scenario.
type sample struct {
	cpu map[string]float64 // microseconds per request, by process
	load.Result
}

// total is the CPU time per request of all processes, or of one role's.
func (s sample) total(of string) float64 {
	sum := 0.0
	for name, t := range s.cpu {
		if of == "" || role(name) == of {
			sum += t
		}
	}
	return sum
}

// bench measures scenarios in one running mesh.
type bench struct {
	o    options
	mesh *mesh.Mesh
	idle rates
}

// newBench watches the mesh idle first.
func newBench(ctx context.Context, o options, m *mesh.Mesh) (*bench, error) {
	b := &bench{o: o, mesh: m}
	all, err := m.Processes()
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, settleLeast); err != nil { // what the start left to do
		return nil, err
	}
	before, err := process.Read(all)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := pause(ctx, idleFor); err != nil {
		return nil, err
	}
	after, err := process.Read(all)
	if err != nil {
		return nil, err
	}
	b.idle = rates{}
	for name, t := range after.Since(before) {
		b.idle[name] = t.Seconds() / time.Since(began).Seconds()
	}
	return b, nil
}

// rounds loads the scenarios in turns, so that what else the machine does
// falls on all of them. Each round begins with another one.
func (b *bench) rounds(ctx context.Context, variant string, list []scenario) (map[string][]sample, error) {
	for _, s := range list {
		if err := s.check(ctx); err != nil {
			return nil, err
		}
		progress("%s: warming up %s", variant, s.name)
		if _, err := b.load(s, max(s.requests/10, 1)).Run(ctx); err != nil {
			return nil, err
		}
	}
	out := map[string][]sample{}
	for round := range b.o.rounds {
		for i := range list {
			s := list[(round+i)%len(list)]
			got, err := b.measure(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			progress("%s: round %d of %d, %-8s %5.0f µs a request, %5.0f µs of it Envoy's", variant, round+1, b.o.rounds, s.name, got.total(""), got.total("envoy"))
			out[s.name] = append(out[s.name], got)
		}
	}
	return out, nil
}

func (b *bench) load(s scenario, requests int) load.Load {
	return load.Load{URL: s.base + s.path, Requests: requests, Connections: b.o.connections, Limit: 3 * time.Minute}
}

// measure loads one scenario, and waits until what it left in queues is done.
func (b *bench) measure(ctx context.Context, s scenario) (sample, error) {
	all, err := b.mesh.Processes()
	if err != nil {
		return sample{}, err
	}
	if err := b.settle(ctx, all); err != nil {
		return sample{}, err
	}
	mine := concerned(all, s.workload)
	before, err := process.Read(mine)
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	result, err := b.load(s, s.requests).Run(ctx)
	if err != nil {
		return sample{}, err
	}
	if err := b.settle(ctx, all); err != nil {
		return sample{}, err
	}
	after, err := process.Read(mine)
	if err != nil {
		return sample{}, fmt.Errorf("a process ended during the load: %w", err)
	}
	return sample{perRequest(after.Since(before), time.Since(began), b.idle, s.requests), result}, nil
}

// settle waits until the mesh uses about as little CPU as idle: logs and spans
// are written behind the answers.
func (b *bench) settle(ctx context.Context, all []process.Process) error {
	began := time.Now()
	quiet := time.Duration((2*b.idle.sum() + 0.04) * float64(settleStep))
	for time.Since(began) < settleMost {
		before, err := process.Read(all)
		if err != nil {
			return err
		}
		if err := pause(ctx, settleStep); err != nil {
			return err
		}
		after, err := process.Read(all)
		if err != nil {
			return err
		}
		if time.Since(began) >= settleLeast && after.Since(before).Total() <= quiet {
			return nil
		}
	}
	progress("the mesh is still busy %s after its load", settleMost)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
