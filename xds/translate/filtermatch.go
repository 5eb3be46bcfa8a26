package translate

import (
	"slices"
	"strconv"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"

	"github.com/krater-mesh/krater/model"
)

// entered are the Envoy filters of a run of filters. What not all requests enter
// stands in a composite filter, which makes it for those only that match: a
// module that is merely skipped is entered all the same, at the request's end.
func (p *proxy) entered(run []placedFilter, c chain) filters {
	f := run[0]
	choices := p.choices(f, c)
	if len(choices) == 1 && choices[0].when == nil {
		return p.instance(run, 0)
	}
	m := &matcherv3.Matcher{}
	var rows []*matcherv3.Matcher_MatcherList_FieldMatcher
	for _, choice := range choices {
		then := &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{
			Action: typed("filter", execute(p.instance(run, choice.route)))}}
		if choice.when == nil {
			m.OnNoMatch = then // and nothing comes after it
			break
		}
		rows = append(rows, &matcherv3.Matcher_MatcherList_FieldMatcher{Predicate: choice.when, OnMatch: then})
	}
	if len(rows) == 0 {
		return nil
	}
	m.MatcherType = &matcherv3.Matcher_MatcherList_{MatcherList: &matcherv3.Matcher_MatcherList{Matchers: rows}}
	return filters{extension("match|"+f.Object.Key(), &compositev3.Composite{Matcher: m})}
}

// execute makes filters for a request. Several are a chain of the composite
// filter's own: another filter that makes several of one is passed over there,
// without a word.
func execute(f filters) *compositev3.ExecuteFilterAction {
	if len(f) == 1 {
		return &compositev3.ExecuteFilterAction{TypedConfig: f[0]}
	}
	return &compositev3.ExecuteFilterAction{FilterChain: &compositev3.FilterChainConfiguration{TypedConfig: f}}
}

// filterChoice is an instance of a filter, and the requests that enter it; nil:
// all that entered none before.
type filterChoice struct {
	when  predicate
	route int // from 1; 0: the filter's own configuration
}

// choices are a filter's instances in a chain, in the order in which they are
// tried: its routes, then itself.
func (p *proxy) choices(f placedFilter, c chain) []filterChoice {
	var out []filterChoice
	var given []predicate // what every instance asks for
	if len(f.ports) > 0 {
		given = append(given, c.toPorts(f.ports))
	}
	for i, r := range f.Routes {
		if r.Route != "" && c.direction == inbound {
			continue // what comes in has no VirtualService's routes
		}
		when := every(onRequest(r.Match), onRoute(r.Route))
		if r.Disabled {
			given = append(given, not(when))
		} else {
			out = append(out, filterChoice{every(append(slices.Clone(given), when)...), i + 1})
		}
	}
	var any []predicate
	for _, m := range f.Requests {
		any = append(any, onRequest(m))
	}
	return append(out, filterChoice{every(append(given, oneOf(any...))...), 0})
}

// filterConfig is the Wasm filter of one binding, as it is entered by all
// requests, with the configuration of one of its routes (from 1) or its own.
func (p *proxy) filterConfig(f *model.FilterBinding, route int) *corev3.TypedExtensionConfig {
	return p.wasm("wasm|"+f.Object.Key(), pluginOf(f, route))
}

func pluginOf(f *model.FilterBinding, route int) wasmPlugin {
	plugin := wasmPlugin{name: model.WasmName(f.Object), root: f.RootID, module: f.Module, builtin: placedFilter{f, nil}.builtin(), config: f.Config,
		failure: f.Failure, env: f.Env, hostEnv: f.HostEnv, memory: f.Limits.MemoryBytes, secrets: hasSecrets(f)}
	if route > 0 {
		plugin.config = f.Routes[route-1].Config
		plugin.name += "#" + strconv.Itoa(route)
	}
	return plugin
}

// hasSecrets tells whether a filter is told a secret, anywhere: its VM is one.
func hasSecrets(f *model.FilterBinding) bool {
	for _, r := range f.Routes {
		if len(r.Secrets) > 0 {
			return true
		}
	}
	return len(f.Secrets) > 0
}
