package translate

import (
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"

	"github.com/krater-mesh/krater/filters/decisioncache/config"
	"github.com/krater-mesh/krater/model"
)

// The filter states that hold what a cache's key needs and no header has.
const (
	stateKeySource      = "krater.key.source"
	stateKeyDestination = "krater.key.destination"
	stateKeyPort        = "krater.key.destination_port"
	stateKeyToken       = "krater.key.token"
)

// decisionCache keeps policyd's answers in the proxy.
type decisionCache struct {
	id      string  // model.DecisionKey.ID: what policyd is told
	filter  filters // before the question
	allowed holdsFor
}

// decisionCache is the filter before a question about policies; its filter is
// nil where answers are not kept. A trap in it leaves the question to policyd.
func (p *proxy) decisionCache(policies []model.RegoPolicy, states *[]*statev3.FilterStateValue) decisionCache {
	never := decisionCache{allowed: whether(false)}
	key, why := model.DecisionKeyOf(policies)
	if why != "" {
		return never
	}
	if p.opt.Builtin.Digest == "" {
		p.problem(model.Warning, model.CodeBadModule, policies[0].Object, "spec.cache", "answers cannot be kept: the built-in filters' module is missing", "run `make filters`")
		return never
	}
	inputs := &loweredInputs{p: p, states: *states}
	c := config.Config{PolicySet: key.Version, KeyID: key.ID, Token: cacheToken(p.w, key), DenyHeaders: model.KeptHeaders, MaxBody: model.MaxKeptBody,
		MaxEntries: 10000, MaxBytes: 4 << 20, MaxKey: 4096,
		Answer:      config.Answer{Namespace: filterExtAuthz, Field: "krater_cache"},
		AllowMillis: int(key.Times.Allow.Std().Milliseconds()), DenyMillis: int(key.Times.Deny.Std().Milliseconds())}
	for _, in := range key.Inputs {
		from, ok := inputs.keyed(in)
		if !ok {
			return never
		}
		c.Inputs = append(c.Inputs, from)
	}
	*states = inputs.states
	refs := make([]model.Ref, len(policies))
	for i, r := range policies {
		refs[i] = r.Object
	}
	return decisionCache{
		id: key.ID,
		filter: filters{p.wasm("wasm|decisioncache", wasmPlugin{name: model.WasmName(refs...), root: "decisioncache", module: p.opt.Builtin, builtin: true,
			config: c.JSON(), failure: model.FilterFailOpen})},
		allowed: holdsFor{when: onState("wasm.krater.decision", c.Token)},
	}
}

// cacheToken is what the cache writes down for the filters behind it. A client
// cannot write there; another Wasm filter that could does not know it.
func cacheToken(w model.Workload, k model.DecisionKey) string {
	return model.Hash([]string{"decision", w.ID(), k.Version, k.ID})
}

// onState holds where a filter state has a text.
func onState(key, text string) predicate {
	return onValue(fromState(key), model.StringMatch{Kind: model.Exact, Value: text})
}

// keyed is where the cache finds an input; false: nowhere.
func (in *loweredInputs) keyed(i model.ProxyInput) (config.Input, bool) {
	state := func(key string, formats ...string) (config.Input, bool) {
		in.state(key, formats...)
		return config.Input{Property: []string{"filter_state", key}}, true
	}
	switch i.Kind {
	case model.InputHeader:
		return config.Input{Header: i.Name}, true
	case model.InputSourceAddress:
		return state(stateKeySource, "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%")
	case model.InputDestination:
		return state(stateKeyDestination, "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%")
	case model.InputDestinationPort:
		return state(stateKeyPort, "%DOWNSTREAM_LOCAL_PORT%")
	case model.InputClaim: // the payload whole, as JSON
		return state(stateKeyToken, claimFormat(nil))
	case model.InputSourcePort, model.InputPrincipal, model.InputProtocol:
		in.text(i)
		key := map[model.InputKind]string{model.InputSourcePort: stateMatchedPort, model.InputPrincipal: stateMatchedPrincipal, model.InputProtocol: stateMatchedProtocol}[i.Kind]
		return config.Input{Property: []string{"filter_state", key}}, true
	case model.InputAttribute:
		if a, ok := in.p.declaredAs("attribute." + i.Name); ok {
			return config.Input{Property: []string{"filter_state", attributeState(a)}}, true
		}
	}
	return config.Input{}, false
}
