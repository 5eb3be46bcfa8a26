package explain

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// FilterRun is a filter that stands in the chain. What it does is its own
// affair: an explanation goes on as if it let the request pass unchanged. One
// whose module cannot be had is known to refuse.
type FilterRun struct {
	Filter string           `json:"filter"` // "Kind namespace/name"
	Type   model.FilterType `json:"type,omitempty"`
	Phase  model.Phase      `json:"phase"`
	Module string           `json:"module,omitempty"` // its URL
	RootID string           `json:"rootId,omitempty"`
	Digest string           `json:"digest,omitempty"`
	// Passed: the request does not enter it; Why says for which of its matches.
	Passed bool   `json:"passed,omitempty"`
	Why    string `json:"why,omitempty"`
	// Missing: its module cannot be had, so its failure policy decides.
	Missing bool `json:"missing,omitempty"`
}

// wasm lists the filters of one phase, in their order. Those of connections
// have seen it before there was a request.
func (p *passage) wasm(phase model.Phase, slot string) {
	for _, f := range p.e.snap.FiltersFor(p.w) {
		if f.Phase != phase || f.Type == model.FilterNetwork || !p.sees(*f) {
			continue
		}
		run := &FilterRun{Filter: f.Object.String(), Type: f.Type, Phase: f.Phase, Module: f.Module.URL, RootID: f.RootID, Digest: f.Module.Digest, Missing: f.Missing()}
		run.Passed, run.Why = p.enters(f)
		if run.Missing && f.Failure == model.FilterFailOpen {
			run.Passed, run.Why = true, "it fails open"
		}
		p.step(Step{Slot: slot, Filter: run})
		if run.Missing && !run.Passed && f.Failure != model.FilterFailOpen {
			p.verdict = &Verdict{Status: 503, Details: "fault_filter_abort", Reason: "the module of " + run.Filter + " cannot be had, and it fails closed",
				Decision: &model.Decision{Policy: run.Filter, Rule: "filter_module_missing", Place: model.Native, Reason: "its module cannot be had"}}
			return
		}
	}
}

// enters says whether a request passes a filter by, and by which of its routes
// or matches that is so.
func (p *passage) enters(f *model.FilterBinding) (passed bool, why string) {
	for i, r := range f.Routes {
		if r.Route != "" && (p.role == RoleServer || !ofRoute(p.routeName(), r.Route)) || !requestMatches(r.Match, p.view) {
			continue
		}
		if r.Disabled {
			return true, fmt.Sprintf("routes[%d] switches it off", i)
		}
		return false, fmt.Sprintf("with the configuration of routes[%d]", i)
	}
	if len(f.Requests) == 0 {
		return false, ""
	}
	for i, m := range f.Requests {
		if requestMatches(m, p.view) {
			return false, fmt.Sprintf("requests[%d]", i)
		}
	}
	return true, "none of its requests matches"
}

// routeName is %ROUTE_NAME% as the chain knows it: the route is found before
// any filter changes the request.
func (p *passage) routeName() string {
	if p.role == RoleServer {
		return RouteDefault
	}
	return p.e.route(p.w, p.role, p.hop.Received).Name
}

// ofRoute tells whether a route's name is one of a VirtualService's,
// "NAMESPACE/NAME", or that of one route, "NAMESPACE/NAME/ROUTE".
func ofRoute(name, wanted string) bool {
	if strings.Count(wanted, "/") == 1 {
		return strings.HasPrefix(name, wanted+"/")
	}
	return name == wanted || strings.HasPrefix(name, wanted+".")
}

// requestMatches is a filter's match: all that is given holds, and what is
// absent meets nothing.
func requestMatches(m model.RequestMatch, v View) bool {
	path, _ := v.Target()
	host, _ := SplitAuthority(strings.ToLower(v.Authority))
	names := make([]string, 0, len(m.Headers))
	for name := range m.Headers {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		value, ok := v.Header(name)
		if !ok || !m.Headers[name].Matches(value) {
			return false
		}
	}
	return (m.Path.Kind == "" || m.Path.Matches(path)) &&
		(len(m.Methods) == 0 || slices.Contains(m.Methods, v.Method)) &&
		(len(m.Hosts) == 0 || slices.ContainsFunc(m.Hosts, func(h string) bool { return hostIs(h, host) }))
}

// hostIs compares a host without its port; "*" in front is any beginning.
func hostIs(pattern, host string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, suffix)
	}
	return host == pattern
}

// sees tells whether a filter is for the traffic of the proxy's part.
func (p *passage) sees(f model.FilterBinding) bool {
	switch p.role {
	case RoleClient:
		return f.Sees(model.Client, p.view.Port)
	case RoleServer:
		return f.Sees(model.Server, p.view.Port)
	}
	return f.Sees(model.ClientAndServer, p.view.Port)
}
