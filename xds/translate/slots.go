package translate

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// filters are what a slot holds in one chain; none is an empty slot.
type filters []*corev3.TypedExtensionConfig

// slots are the places of every HTTP chain, in their order. The order is
// semantic, and read here only. Each is a resource of its own, always there,
// so that what goes into it never touches a listener.
var slots = []struct {
	name string
	fill func(*proxy, chain) filters
}{
	{"custom", (*proxy).customBefore},
	{"wasm-authn", phase(model.PhaseAuthn)},
	{"authentication", (*proxy).authentication},
	{"custom-after-authn", (*proxy).customAfter},
	{"attributes", (*proxy).attributes},
	{"wasm-authz", phase(model.PhaseAuthz)},
	{"access-lists", (*proxy).accessLists},
	{model.FreshnessSlot, (*proxy).freshness},
	{"authorization", (*proxy).authorization},
	{"limit-local", (*proxy).localLimits},
	{"limit-leased", empty},
	{"limit-exact", empty},
	{"quota", empty},
	{"wasm-stats", phase(model.PhaseStats)},
	{"wasm-default", phase(model.PhaseDefault)},
}

const (
	filterCORS  = "envoy.filters.http.cors"
	filterFault = "envoy.filters.http.fault"

	slotAuthorization = "authorization"
)

// empty fills a slot that nothing goes into yet.
func empty(*proxy, chain) filters { return nil }

// slotName is the resource's name, and the filter's: Envoy wants them equal.
func slotName(listener, slot string) string { return listener + "/" + slot }

// slot adds what is in a slot, once: the chains of a port share them.
func (p *proxy) slot(name string, m proto.Message) {
	if !slices.ContainsFunc(p.out.Extensions, func(e *corev3.TypedExtensionConfig) bool { return e.Name == name }) {
		p.out.Extensions = append(p.out.Extensions, extension(name, m))
	}
}

// httpFilters lists a chain's filters, and adds the resources of its slots.
func (p *proxy) httpFilters(c chain) []*hcmv3.HttpFilter {
	out := p.peerFilters(c)
	if c.explicit {
		out = append(out, fixed("krater.authority", carryAuthority()))
	}
	out = append(out, p.patchSlot(c, "patch-first", beforeCORS), fixed(filterCORS, pack(&corsv3.Cors{})), p.patchSlot(c, "patch-after-cors", afterCORS))
	for _, s := range slots {
		if s.name == model.FreshnessSlot && !c.served() {
			continue // nobody is judged there
		}
		name := slotName(c.listener, s.name)
		out = append(out, discovered(name))
		p.slot(name, filterChain(s.fill(p, c)))
	}
	if c.direction != inbound {
		out = append(out, dynamicForward())
	}
	return append(out,
		p.patchSlot(c, "patch-before-fault", beforeFault),
		fixed(filterFault, pack(&faultv3.HTTPFault{})),
		p.patchSlot(c, "patch-before-router", beforeRouter),
		fixed(filterRouter, pack(p.patchRouter(c))))
}

func filterChain(f filters) *filterchainv3.FilterChainConfig {
	if len(f) == 0 {
		return &filterchainv3.FilterChainConfig{}
	}
	return &filterchainv3.FilterChainConfig{DefaultFilterChain: &filterchainv3.FilterChain{Filters: f}}
}
