package translate

import (
	"fmt"
	"slices"

	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"

	"github.com/krater-mesh/krater/model"
)

// freshness fills the slot in which it is written down whether the proxy's
// configuration is young enough, for each age that a policy asks for. The agent
// sends it anew as long as it hears from the control plane: so it is a slot of
// its own. Where nothing is written nothing is young enough.
func (p *proxy) freshness(c chain) filters {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	if !slices.ContainsFunc(r.Rego, func(p model.RegoPolicy) bool { return p.MaxStaleness > 0 }) {
		return nil
	}
	p.regoPolicies(r.Rego, r.version())
	if len(p.made.ages) == 0 {
		return nil
	}
	state := &setstatev3.Config{}
	for _, age := range p.made.ages {
		state.OnRequestHeaders = append(state.OnRequestHeaders, drawnValue(model.FreshState(age),
			celOperator(fmt.Sprintf("request.time < timestamp(%s) + duration(%s)", celString(model.NeverHeard), celString(age.Std().String())))))
	}
	return filters{extension("krater.freshness", state)}
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
