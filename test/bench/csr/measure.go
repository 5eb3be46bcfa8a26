package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/test/bench/process"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
)

// kind is how agents ask.
type kind struct {
	name, text string
	once       bool // tokens that are good once: each is written to the disk
	renewal    bool // by the certificate, without a token
	one        bool // all over one connection
}

var kinds = []kind{
	{name: "first", text: "a token, a connection each"},
	{name: "once", text: "a token that is good once, a connection each", once: true},
	{name: "renewal", text: "the certificate, a connection each", renewal: true},
	{name: "connected", text: "a token each, one connection for all", one: true},
}

// result is what the loads of a kind measured.
type result struct {
	kind
	rates []float64 // CSRs a second
	cpus  []float64 // ms of the control plane's CPU a CSR
	took  []float64 // ms of each CSR, its connection included
}

func (o options) measure(ctx context.Context, p *plane) ([]result, error) {
	progress("making %d keys and tokens ...", o.csrs)
	agents, bundle, err := makeAgents(ctx, p, o.csrs)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(kinds))
	for round := range o.rounds {
		for i, k := range kinds {
			progress("round %d: %s ...", round+1, k.text)
			results[i].kind = k
			if err := o.prepare(ctx, p, k, agents); err != nil {
				return nil, err
			}
			if err := o.load(ctx, p, &results[i], agents, bundle); err != nil {
				return nil, fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	return results, nil
}

// prepare makes what is not to be measured.
func (o options) prepare(ctx context.Context, p *plane, k kind, agents []*agent) error {
	for i, a := range agents {
		if !k.renewal {
			if err := a.renew(); err != nil {
				return err
			}
		}
		if k.once {
			var err error
			if a.once, err = p.mint(ctx, i, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// load has each agent ask once, some at a time.
func (o options) load(ctx context.Context, p *plane, r *result, agents []*agent, bundle identity.Bundle) error {
	var shared *grpc.ClientConn
	if r.one {
		var err error
		if shared, err = agents[0].connect(p.agents, bundle, false); err != nil {
			return err
		}
		defer shared.Close()
	}
	cpu, err := process.CPU(p.pid())
	if err != nil {
		return err
	}
	var next atomic.Int64
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range o.workers {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < len(agents); i = int(next.Add(1)) - 1 {
				at := time.Now()
				if err := agents[i].getOne(ctx, p.agents, bundle, r.kind, shared); err != nil {
					return fmt.Errorf("%s: %w", name(i), err)
				}
				took := time.Since(at)
				mu.Lock()
				r.took = append(r.took, float64(took)/float64(time.Millisecond))
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	after, err := process.CPU(p.pid())
	r.rates = append(r.rates, float64(len(agents))/seconds)
	r.cpus = append(r.cpus, float64(after-cpu)/float64(time.Millisecond)/float64(len(agents)))
	return err
}

// getOne gets one certificate.
func (a *agent) getOne(ctx context.Context, target string, bundle identity.Bundle, k kind, shared *grpc.ClientConn) error {
	token := a.token
	switch {
	case k.renewal:
		token = ""
	case k.once:
		token = a.once
	}
	conn := shared
	if conn == nil {
		var err error
		if conn, err = a.connect(target, bundle, k.renewal); err != nil {
			return err
		}
		defer conn.Close()
	}
	return a.ask(ctx, conn, token)
}
