package translate

import (
	"slices"
	"strings"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"

	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/model"
)

// declared gives the attributes that are drawn from this workload's requests.
func (p *proxy) declared() []model.Attribute {
	out, _, twice := model.AttributesOf(p.view.attributes, p.w)
	for _, t := range twice {
		p.problem(model.Warning, model.CodeDuplicateObject, t.Object, "spec.attributes",
			"the attribute "+t.Name+" is declared twice for "+p.w.ID()+"; the first counts", "rename one of them")
	}
	return out
}

// declaredAs finds a declared attribute by its name, or "attribute.NAME".
func (p *proxy) declaredAs(name string) (model.Attribute, bool) {
	for _, a := range p.declared() {
		if a.Name == name || "attribute."+a.Name == name {
			return a, true
		}
	}
	return model.Attribute{}, false
}

// attributes fills the slot that draws what AttributeSets declare, where
// requests are served. First what the proxy itself can draw, then the filter
// for the rest, and only then headers are written: one attribute's header may
// be another's source. A proxy that can draw all gets no Wasm.
func (p *proxy) attributes(c chain) filters {
	declared := p.declared()
	if !c.served() || len(declared) == 0 {
		return nil
	}
	var native []*statev3.FilterStateValue
	var told []model.Attribute
	written := map[string]bool{}
	var rest []config.Attribute
	for _, a := range declared {
		a.Header, a.ToHeader = strings.ToLower(a.Header), strings.ToLower(a.ToHeader)
		if a.Text() {
			a.Type = ""
		}
		if key, ok := nativeState(a); ok {
			if format, ok := p.sourceFormat(a); ok {
				native = append(native, drawnValue(key, format))
			}
		}
		if a.ToHeader != "" && written[a.ToHeader] {
			p.problem(model.Warning, model.CodeDuplicateObject, model.Ref{Kind: "AttributeSet"}, "spec.attributes",
				"two attributes of "+p.w.ID()+" are written to the header "+a.ToHeader+"; the first counts", "choose another header")
			a.ToHeader = ""
		}
		written[a.ToHeader] = true
		if from, ok := wasmSource(a); ok {
			rest = append(rest, config.Attribute{Name: a.Name, Type: string(a.Type), ToHeader: a.ToHeader, From: from})
		} else if a.ToHeader != "" {
			told = append(told, a)
		}
	}
	var out filters
	if len(native) > 0 {
		out = append(out, extension("krater.attributes", &setstatev3.Config{OnRequestHeaders: native}))
	}
	if len(rest) > 0 {
		out = append(out, p.attributesFilter(rest)...)
	}
	if len(told) > 0 {
		out = append(out, extension("krater.attribute_headers", headersOf(told)))
	}
	return out
}

// attributesFilter draws by Wasm. Where more than telemetry reads what it
// draws, requests are refused while it is broken: without its attribute a DENY
// would deny nothing, and a client's own header would pass as if it were drawn.
func (p *proxy) attributesFilter(attributes []config.Attribute) filters {
	if p.opt.Builtin.Digest == "" {
		p.problem(model.Error, model.CodeBadModule, model.Ref{}, "", "attributes cannot be drawn: the built-in filters' module is missing", "run `make filters`")
		return nil
	}
	failure := model.FilterFailOpen
	told := slices.ContainsFunc(attributes, func(a config.Attribute) bool { return a.ToHeader != "" })
	if told || p.decidesByAttributes() {
		failure = model.FilterFailClosed
	}
	_, maxBody, _ := model.AttributesOf(p.view.attributes, p.w)
	out := config.Config{Attributes: attributes}
	if out.Body() {
		out.MaxBody = int(maxBody)
	}
	return filters{p.wasm("wasm|attributes", wasmPlugin{
		root: "attributes", module: p.opt.Builtin, builtin: true, config: out.JSON(), failure: failure, bodies: out.Body(),
	})}
}

// decidesByAttributes tells whether a policy or limit may read an attribute.
func (p *proxy) decidesByAttributes() bool {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	reads := func(c model.Condition) bool { return c.Attribute != "" }
	for _, a := range slices.Concat(r.Audit, r.Deny, r.Allow) {
		for _, rule := range a.Rules {
			if slices.ContainsFunc(rule.When, reads) {
				return true
			}
		}
	}
	for _, l := range p.limits {
		if slices.ContainsFunc(l.When, reads) || slices.ContainsFunc(l.Key, func(k string) bool { _, ok := p.declaredAs(k); return ok }) {
			return true
		}
	}
	return len(r.Rego) > 0
}

// headersOf write what was drawn; what the client sent under a name goes.
func headersOf(attributes []model.Attribute) *headermutationv3.HeaderMutation {
	out := &headermutationv3.Mutations{}
	for _, a := range attributes {
		out.RequestMutations = append(out.RequestMutations,
			&mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Remove{Remove: a.ToHeader}},
			&mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
				Header:       &corev3.HeaderValue{Key: a.ToHeader, Value: state(attributeState(a))},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			}}})
	}
	return &headermutationv3.HeaderMutation{Mutations: out}
}
