package controlplane

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// publisher turns what is in force into each client's parts. It keeps what it
// made, so that an edit costs what it changes.
type publisher struct {
	compiler *translate.Compiler
	encoder  *serve.Encoder
	parts    map[*translate.Part]*serve.Part
	daemons  daemonSlices
	agents   agentSettings
	secrets  filterSecrets
	names    nameTables
}

func newPublisher(o translate.Options) *publisher {
	return &publisher{compiler: translate.NewCompiler(o), encoder: serve.NewEncoder()}
}

// recipient is one proxy or daemon and what it shall have.
type recipient struct {
	node  string
	parts []*serve.Part
}

// recipients gives the daemons first: a proxy that asks policyd about a new
// policy finds it there.
func (p *publisher) recipients(r stages.Result, rollouts []model.RolloutState) ([]recipient, model.Problems, error) {
	results := p.compiler.Compile(r.Snapshot, r.Endpoints, r.Snapshot.Workloads, rollouts...)
	out, err := p.daemonRecipients(r.Snapshot)
	if err != nil {
		return nil, nil, err
	}
	var problems model.Problems
	seen, before := map[model.Problem]bool{}, p.parts
	p.parts = make(map[*translate.Part]*serve.Part, len(before))
	settings, names := p.agents.of(r.Snapshot, p.encoder), p.names.of(r.Snapshot, r.Endpoints, p.encoder)
	secrets := p.secrets.of(r.Snapshot, p.encoder)
	for _, w := range r.Snapshot.Workloads {
		own, err := settings(w)
		if err != nil {
			return nil, nil, err
		}
		result, to := results[w.ID()], recipient{node: w.ID(), parts: []*serve.Part{own}}
		known, err := names(w)
		if err != nil {
			return nil, nil, err
		}
		if known != nil {
			to.parts = append(to.parts, known)
		}
		if err := ownSecrets(w, result.Parts); err != nil {
			return nil, nil, err
		}
		values, err := secrets(w, result.Parts)
		if err != nil {
			return nil, nil, err
		}
		to.parts = append(to.parts, values)
		for _, part := range result.Parts {
			encoded, err := p.encode(part, before)
			if err != nil {
				return nil, nil, fmt.Errorf("translating for %s: %w", w.ID(), err)
			}
			to.parts = append(to.parts, encoded)
		}
		out = append(out, to)
		for _, problem := range result.Problems {
			if !seen[problem] {
				seen[problem] = true
				problems = append(problems, problem)
			}
		}
	}
	p.encoder.Sweep(maps.Values(p.parts))
	return out, problems, nil
}

// encode gives a part as it is sent, made in this round, in the one before or now.
func (p *publisher) encode(part *translate.Part, before map[*translate.Part]*serve.Part) (*serve.Part, error) {
	encoded, ok := p.parts[part]
	if !ok {
		encoded, ok = before[part]
	}
	if !ok {
		var err error
		if encoded, err = p.encoder.Part(part.Set()); err != nil {
			return nil, err
		}
	}
	p.parts[part] = encoded
	return encoded, nil
}

func (p *publisher) daemonRecipients(s *model.Snapshot) ([]recipient, error) {
	defer p.daemons.sweep()
	var out []recipient
	for _, d := range []struct {
		node  string
		slice func(*daemonSlices, *model.Snapshot) (serve.Set, error)
	}{{model.NodePolicyd, policydSlice}, {model.NodeCollector, collectorSlice}} {
		set, err := d.slice(&p.daemons, s)
		if err != nil {
			return nil, err
		}
		part, err := p.encoder.Part(set)
		if err != nil {
			return nil, fmt.Errorf("encoding for %s: %w", d.node, err)
		}
		out = append(out, recipient{d.node, []*serve.Part{part}})
	}
	return out, nil
}

// publish gives every client what follows from a result.
func (c *ControlPlane) publish(ctx context.Context, r stages.Result, cause serve.Cause) error {
	began := time.Now()
	_, span := c.edits.tracer.Start(ctx, "xds.translate")
	rollouts, edition := c.rollouts.now()
	recipients, problems, err := c.publisher.recipients(r, rollouts)
	span.End()
	if err != nil {
		return fmt.Errorf("publishing snapshot %s: %w", r.Snapshot.Version, err)
	}
	c.edits.took(ctx, "translate", began)

	c.admit(r.Snapshot) // first: who is not of the mesh any more is told nothing of it
	began = time.Now()
	_, span = c.edits.tracer.Start(ctx, "xds.publish")
	defer span.End()
	next := published{snapshot: r.Snapshot, endpoints: r.Endpoints, rollouts: edition, at: began, translation: problems, clients: map[string][]*serve.Part{}}
	for _, to := range recipients {
		c.server.PublishParts(to.node, to.parts, cause)
		next.clients[to.node] = to.parts
	}
	c.edits.took(ctx, "publish", began)
	next.problems = slices.Concat(r.Problems, problems)
	c.report(problems)
	c.replace(next)
	return nil
}

// replace makes a publication the current one, and forgets the nodes that it lacks.
func (c *ControlPlane) replace(next published) {
	c.mu.Lock()
	previous := c.current
	c.current = next
	c.mu.Unlock()
	for node := range previous.clients {
		if _, still := next.clients[node]; !still {
			c.server.Forget(node)
		}
	}
}
