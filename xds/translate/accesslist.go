package translate

import (
	"fmt"
	"slices"
	"strings"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"

	"github.com/krater-mesh/krater/filters/accesslist/config"
	"github.com/krater-mesh/krater/model"
)

// refusedBody is what Envoy's own RBAC filter answers with its 403.
const refusedBody = "RBAC: access denied"

// accessLists fills the slot of lists where requests are served: short ones are
// denials of Envoy's own, those that are long are looked up by a filter. Each of
// them may refuse, so their order tells only who answers.
func (p *proxy) accessLists(c chain) filters {
	if !c.served() {
		return nil
	}
	var native []model.AuthorizationPolicy
	var long config.Config
	var refs []model.Ref
	for _, l := range p.view.accessLists {
		switch {
		case len(l.Ports) > 0 && !slices.Contains(l.Ports, c.port):
		case l.Native():
			refusal := l.Refusal()
			refusal.Rules[0].To = nil // its port is the chain's
			native = append(native, refusal)
		default:
			long.Lists = append(long.Lists, p.longList(l))
			refs = append(refs, l.Object)
		}
	}
	var out filters
	if len(native) > 0 {
		out = p.nameDenials(&loweredInputs{p: p}, native)
		out = append(out, extension(filterRBAC, &rbacv3.RBAC{RulesStatPrefix: "lists_", Rules: p.rbacRules(native, model.Deny, false)}))
	}
	if len(refs) == 0 {
		return out
	}
	if p.opt.Builtin.Digest == "" {
		p.problem(model.Error, model.CodeBadModule, refs[0], "", "the list cannot be looked up: the built-in filters' module is missing; requests are refused", "run `make filters`")
		return append(out, missingModule(refs[0])...)
	}
	return append(out, p.wasm("wasm|accesslist", wasmPlugin{name: model.WasmName(refs...), root: "accesslist", module: p.opt.Builtin, builtin: true,
		config: long.JSON(), failure: model.FilterFailClosed}))
}

// longList is a list as the filter is told it.
func (p *proxy) longList(l *model.AccessList) config.List {
	out := config.List{Name: l.Object.Key(), Action: string(l.Action), Kind: string(l.Match), Entries: strings.Join(l.Entries, "\n"), Body: refusedBody}
	switch {
	case l.Header != "":
		out.Key.Header = l.Header
	case l.Attribute != "":
		state, list := p.conditioned(l.Attribute)
		if list {
			p.notSupported(l.Object, "spec.key", "the attribute "+l.Attribute+" is a list of values, and a list of this size is compared with one: nothing in it is ever found",
				fmt.Sprintf("write at most %d entries", model.MaxNativeAccess))
		}
		out.Key.Property = []string{"filter_state", state}
	default:
		out.Key.Property = []string{"source", "address"}
	}
	return out
}

// connectionLists are the denials of lists of addresses, for connections whose
// requests cannot be seen. One of anything else refuses them: nobody could say
// that the list lets them through.
func (p *proxy) connectionLists(c chain) []model.AuthorizationPolicy {
	var out []model.AuthorizationPolicy
	for _, l := range p.view.accessLists {
		if len(l.Ports) > 0 && !slices.Contains(l.Ports, c.port) {
			continue
		}
		refusal := l.Refusal()
		refusal.Rules[0].To = nil
		if l.Header+l.Attribute != "" && !c.sealed {
			p.notSupported(l.Object, "spec.key", "on port "+c.listener+" of "+p.w.ID()+" requests cannot be seen, so their value cannot be looked up: connections to it are refused",
				"name the ports that the list is for in ports, or list addresses")
		}
		out = append(out, refusal)
	}
	return out
}
