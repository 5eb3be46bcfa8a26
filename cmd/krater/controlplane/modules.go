package controlplane

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/artifact"
	"github.com/krater-mesh/krater/xds/serve"
)

// again asks for the configuration to be taken once more: something outside of
// it came to something else. It does not wait.
func (c *ControlPlane) again() {
	select {
	case c.wanted <- struct{}{}:
	default: // it is asked for already
	}
}

// sweepEvery is between two looks for modules that nobody names.
const sweepEvery = 10 * time.Minute

// followModules takes the configuration again when modules came, or are known
// not to come.
func (c *ControlPlane) followModules(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.sweepModules()
		case <-c.wanted:
			if err := c.edit(ctx, "module", time.Now()); err != nil && ctx.Err() == nil {
				c.o.Logger.Error("what a module came to could not be taken; the configuration before it stays in force", "reason", err)
			}
		}
	}
}

// sweepModules removes modules that nobody has: no proxy by what was published,
// no object, no rollout that may go back to them.
func (c *ControlPlane) sweepModules() {
	current := c.now()
	if current.snapshot == nil {
		return
	}
	named := map[string]bool{}
	for _, list := range [][]*model.FilterBinding{current.snapshot.Filters, c.rollouts.bindings()} {
		for _, f := range list {
			named[f.Module.Digest] = true
		}
	}
	c.stages.SweepModules(func(digest string) bool { return named[digest] || holders(digest, current.clients) > 0 })
}

// holders counts the clients whose resources name a module. Its digest is part
// of its file's name.
func holders(digest string, clients map[string][]*serve.Part) int {
	n, text := 0, []byte(strings.TrimPrefix(digest, "sha256:"))
	for _, parts := range clients {
		if slices.ContainsFunc(parts, func(p *serve.Part) bool { return p.Mentions(serve.TypeExtensionConfig, text) }) {
			n++
		}
	}
	return n
}

// modulesOf lists the Wasm modules that are bound, or that objects want, and
// counts who has them.
func modulesOf(s *model.Snapshot, clients map[string][]*serve.Part, states []artifact.State) []ModuleStatus {
	var out []ModuleStatus
	add := func(m model.Module) *ModuleStatus {
		for i := range out {
			if out[i].Digest == m.Digest && (m.Digest != "" || out[i].URL == m.URL) {
				return &out[i]
			}
		}
		out = append(out, ModuleStatus{URL: m.URL, Digest: m.Digest, Size: m.Size, Image: m.Image, Signer: m.Signer, State: ModuleReady})
		return &out[len(out)-1]
	}
	for _, f := range s.Filters {
		if f.Module.Digest != "" {
			row := add(f.Module)
			row.Filters = append(row.Filters, f.Object.String())
		}
	}
	for _, state := range states {
		if state.Reason == "" {
			continue
		}
		row := add(state.Module)
		row.State, row.Reason = ModuleFailed, state.Reason
		if state.Pending {
			row.State = ModulePending
		}
		for _, o := range state.Objects {
			if name := o.String(); !slices.Contains(row.Filters, name) {
				row.Filters = append(row.Filters, name)
			}
		}
	}
	for i := range out {
		if out[i].Digest != "" {
			out[i].Proxies = holders(out[i].Digest, clients)
		}
	}
	return out
}
