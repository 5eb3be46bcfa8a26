package translate

import (
	"strings"

	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/model"
)

// attributeState is the filter state where the attributes filter keeps a value.
func attributeState(name string) string { return "wasm." + name }

// declared gives the attributes that are drawn from this workload's requests;
// the first declaration of a name counts.
func (p *proxy) declared() []model.Attribute {
	var out []model.Attribute
	seen := map[string]bool{}
	for _, set := range p.view.attributes {
		if !set.Selector.Matches(p.w) {
			continue
		}
		for _, a := range set.Attributes {
			if seen[a.Name] {
				p.problem(model.Warning, model.CodeDuplicateObject, set.Object, "spec.attributes",
					"the attribute "+a.Name+" is declared twice for "+p.w.ID()+"; the first counts", "rename one of them")
				continue
			}
			seen[a.Name] = true
			out = append(out, a)
		}
	}
	return out
}

// attributes fills the slot of the attributes filter where requests are
// served. A proxy without declared attributes gets no Wasm for it. A filter
// that fails must not let a client's own header through as if it were drawn.
func (p *proxy) attributes(c chain) filters {
	declared := p.declared()
	if !c.served() || len(declared) == 0 {
		return nil
	}
	if p.opt.Builtin.Digest == "" {
		p.problem(model.Error, model.CodeBadModule, model.Ref{}, "", "attributes cannot be drawn: the built-in filters' module is missing", "run `make filters`")
		return nil
	}
	failure := model.FilterFailOpen
	var out config.Config
	for _, a := range declared {
		if a.ToHeader != "" {
			failure = model.FilterFailClosed
		}
		out.Attributes = append(out.Attributes, config.Attribute{
			Name:     a.Name,
			ToHeader: strings.ToLower(a.ToHeader),
			From:     config.From{Header: strings.ToLower(a.Header), Cookie: a.Cookie, Query: a.Query, Path: a.Path},
		})
	}
	return filters{p.wasm("wasm|attributes", wasmPlugin{
		root: "attributes", module: p.opt.Builtin, builtin: true, config: out.JSON(), failure: failure,
	})}
}
