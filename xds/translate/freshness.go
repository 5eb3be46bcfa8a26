package translate

import (
	"fmt"
	"slices"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// freshness writes down whether the proxy's configuration is young enough, for
// each age that a policy asks for; nil: none does. What it compares is a
// resource of its own, which the agent sends anew as long as it hears from the
// control plane. Where that is missing nothing is written, and nothing is young
// enough. See RATIONALE.md.
func (p *proxy) freshness(policies []classified) filters {
	ages := agesOf(policies)
	if len(ages) == 0 {
		return nil
	}
	state := &setstatev3.Config{}
	for _, age := range ages {
		state.OnRequestHeaders = append(state.OnRequestHeaders, drawnValue(model.FreshState(age),
			celOperator(fmt.Sprintf("request.time < timestamp(%s) + duration(%s)", celString(model.NeverHeard), celString(age.Std().String())))))
	}
	p.slot(model.FreshnessName, state)
	enter := &compositev3.ExecuteFilterAction{DynamicConfig: &compositev3.DynamicConfig{Name: model.FreshnessName,
		ConfigDiscovery: &corev3.ExtensionConfigSource{ConfigSource: overADS(), TypeUrls: []string{typeURL(state)}}}}
	return filters{extension(model.FreshnessName, &compositev3.Composite{Matcher: &matcherv3.Matcher{
		OnNoMatch: &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{Action: typed("enter", enter)}}}})}
}

// agesOf are those that policies ask for which the proxy decides by itself, or
// whose answers it keeps, sorted.
func agesOf(policies []classified) (out []model.Duration) {
	for _, c := range policies {
		if c.MaxStaleness > 0 && (c.filter != nil || c.Cache != model.CacheTimes{}) {
			out = append(out, c.MaxStaleness)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fresh holds where the proxy's configuration is young enough for the policy.
func (c classified) fresh() holdsFor {
	if c.MaxStaleness == 0 {
		return whether(true)
	}
	return holdsFor{when: onState(model.FreshState(c.MaxStaleness), "true")}
}

// unheard takes freshness out of a slot that no agent stands before: nobody
// would ever say that anything is young.
func unheard(slot *anypb.Any) *anypb.Any {
	chain := &filterchainv3.FilterChainConfig{}
	if !slot.MessageIs(chain) || slot.UnmarshalTo(chain) != nil {
		return slot
	}
	all := chain.GetDefaultFilterChain().GetFilters()
	kept := slices.DeleteFunc(slices.Clone(all), func(f *corev3.TypedExtensionConfig) bool { return f.Name == model.FreshnessName })
	if len(kept) == len(all) {
		return slot
	}
	chain.DefaultFilterChain.Filters = kept
	return pack(chain)
}
