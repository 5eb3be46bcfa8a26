package translate

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// filtersOf are the filters of a workload's proxy, each as the one version that
// this proxy is to have, in the order in which they stand within a phase. It is
// the one place where a version is chosen: all else is made of what it gives.
func (r *round) filtersOf(w *model.Workload) (has, loads []*model.FilterBinding) {
	return model.ChooseFilters(r.snap.FiltersFor(*w), r.rollouts, w)
}

// phase fills the slot of a phase with the filters that belong there.
func phase(ph model.Phase) func(*proxy, chain) filters {
	return func(p *proxy, c chain) filters {
		var out filters
		for _, run := range fused(p.placed(ph, c)) {
			out = append(out, p.entered(run, c)...)
		}
		return out
	}
}

// placedFilter is a filter in a chain, and the ports of the calls that it sees
// there where the chain carries those to all ports; nil: all.
type placedFilter struct {
	*model.FilterBinding
	ports []uint32
}

// placed are the filters of requests of a phase in a chain. One whose module
// cannot be had and that fails open is left out.
func (p *proxy) placed(ph model.Phase, c chain) []placedFilter {
	var out []placedFilter
	for _, f := range p.view.filters {
		if f.Phase != ph || f.Type == model.FilterNetwork || f.Missing() && f.Failure == model.FilterFailOpen {
			continue
		}
		if ports, ok := c.seenBy(f); ok {
			out = append(out, placedFilter{f, ports})
		}
	}
	return out
}

// mode is which of a workload's traffic the chain carries; all of a gateway's.
func (c chain) mode() model.TrafficMode {
	switch c.direction {
	case inbound:
		return model.Server
	case outbound:
		return model.Client
	}
	return model.ClientAndServer
}

// seenBy tells whether a filter is for a chain's traffic, and where calls to
// all ports share the chain, to which of them.
func (c chain) seenBy(f *model.FilterBinding) (ports []uint32, ok bool) {
	if c.direction != outbound || c.port != 0 {
		return nil, f.Sees(c.mode(), c.port)
	}
	if f.Sees(model.Client, 0) {
		return nil, true
	}
	for _, m := range f.Match {
		if m.Mode != model.Server {
			ports = append(ports, m.Ports...)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), len(ports) > 0
}

// builtin tells whether a filter is one of Krater's own.
func (f placedFilter) builtin() bool { return strings.HasPrefix(f.Module.URL, model.BuiltinModule) }

// fused puts filters that can be one Wasm filter together: neighbours of
// Krater's own, in one VM already, which enter for the same requests and fail
// alike. Envoy then enters the VM once where it did so for each.
func fused(list []placedFilter) [][]placedFilter {
	var out [][]placedFilter
	for _, f := range list {
		if n := len(out); n > 0 && fuses(out[n-1][0], f) {
			out[n-1] = append(out[n-1], f)
			continue
		}
		out = append(out, []placedFilter{f})
	}
	return out
}

func fuses(a, b placedFilter) bool {
	return a.builtin() && b.builtin() && slices.Contains(fusable, a.RootID) && slices.Contains(fusable, b.RootID) && !a.Missing() && a.Module.Digest == b.Module.Digest && a.Failure == b.Failure &&
		len(a.Routes)+len(b.Routes) == 0 && reflect.DeepEqual(a.Requests, b.Requests) && slices.Equal(a.ports, b.ports)
}

// fusedConfig is what the root "fused" is told: filters, in their order.
func fusedConfig(run []placedFilter) string {
	type one struct {
		Root   string          `json:"root"`
		Config json.RawMessage `json:"config,omitempty"`
	}
	var all struct {
		Filters []one `json:"filters"`
	}
	for _, f := range run {
		all.Filters = append(all.Filters, one{f.RootID, json.RawMessage(f.Config)})
	}
	b, _ := json.Marshal(all) // configurations are JSON: they were read as such
	return string(b)
}

const rootFused = "fused"

// fusable are the roots that "fused" can run: those that look at the answer's
// body stand alone.
var fusable = []string{"accesslist", "denier", "headers"}

// instance are the Envoy filters that a run of filters is, for requests that
// enter it, with the configuration of one of its routes (from 1) or its own.
func (p *proxy) instance(run []placedFilter, route int) filters {
	f := run[0]
	switch {
	case f.Type == model.FilterLua:
		return filters{luaFilter(f.FilterBinding)}
	case f.Missing():
		return missingModule(f.Object)
	case len(run) == 1 && f.builtin():
		return filters{p.filterConfig(f.FilterBinding, route)}
	case len(run) == 1:
		return watched(f.FilterBinding, route, p.filterConfig(f.FilterBinding, route))
	}
	refs := make([]model.Ref, len(run))
	for i, f := range run {
		refs[i] = f.Object
	}
	return filters{p.wasm("wasm|"+run[0].Object.Key(), wasmPlugin{
		name: model.WasmName(refs...), root: rootFused, module: f.Module, builtin: true, config: fusedConfig(run), failure: f.Failure})}
}
