package snapshot

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// lowerPolicies says of each RegoPolicy what proxies decide of it. One that
// must be decided whole, and is not, is not in force.
func (d *draft) lowerPolicies() {
	if d.opts.Lower == nil {
		return
	}
	entries := map[model.Ref]*crds.Entry{}
	d.each(func(e *crds.Entry) {
		if e.Content.Rego != nil {
			entries[e.Ref] = e
		}
	})
	for _, p := range d.snap.Rego {
		p.Lowered = d.opts.Lower(*p, d.snap.Attributes)
		e := entries[p.Object]
		if e != nil && p.Lower == model.LowerRequire && !p.Lowered.Whole() {
			d.notLowered(e, p)
		}
		if e != nil && p.JWT == model.JWTNative {
			d.problem(e, model.Warning, model.CodeNotSupported, "spec.jwt",
				"declare a RequestAuthentication, and read what it verified: input.attributes.metadataContext.filterMetadata[\"envoy.filters.http.jwt_authn\"].payload",
				"jwt: Native has no effect: what io.jwt's built-ins verify, policyd is asked about")
		}
	}
}

func (d *draft) notLowered(e *crds.Entry, p *model.RegoPolicy) {
	if p.Lowered == nil || len(p.Lowered.Stops) == 0 {
		d.problem(e, model.Error, model.CodeNotLowered, "spec.lower", "write lower: Auto", "a proxy cannot decide it")
		return
	}
	for _, s := range p.Lowered.Stops {
		d.problem(e, model.Error, model.CodeNotLowered, stopField(p, s), "change the expression, or write lower: Auto", "a proxy cannot decide it: %s", stopText(s))
	}
}

// stopField is the module that a stop is in.
func stopField(p *model.RegoPolicy, s model.Stop) string {
	for i, m := range p.Modules {
		if m.Name == s.Module {
			return fmt.Sprintf("spec.modules[%d]", i)
		}
	}
	return "spec.lower"
}

// stopText is "MODULE:LINE: EXPRESSION: WHY".
func stopText(s model.Stop) string {
	text := s.Why
	if s.Expression != "" {
		text = s.Expression + ": " + text
	}
	if s.Module != "" {
		text = fmt.Sprintf("%s:%d: %s", s.Module, s.Line, text)
	}
	return text
}

// placed is one part of a policy, and why it is decided there.
type placed struct {
	place  model.Place
	reason string
}

// regoPlaces say who decides a RegoPolicy: the proxy, and policyd what it
// cannot, whose answers it may keep.
func (d *draft) regoPlaces(p *model.RegoPolicy) []placed {
	if past := d.snap.PastBudget(p); len(past) > 0 {
		return append([]placed{{model.Daemon, fmt.Sprintf("its rules take about %d bytes of a proxy, past the budget of %s: policyd is asked there; see the Mesh's spec.lowering", p.Lowered.Bytes(), strings.Join(past, ", "))}}, keptPlace(p)...)
	}
	return regoPlacesOf(p)
}

// regoPlacesOf tells of maxStaleness where the proxy may allow by itself.
func regoPlacesOf(p *model.RegoPolicy) []placed {
	out := regoPlacesNow(p)
	for i := range out {
		if p.MaxStaleness > 0 && out[i].place != model.Daemon {
			out[i].reason += fmt.Sprintf("; policyd is asked once the proxy has heard nothing for %s", p.MaxStaleness.Std())
		}
	}
	return out
}

func regoPlacesNow(p *model.RegoPolicy) []placed {
	l := p.Lowered
	switch {
	case p.Lower == model.LowerNever:
		return append([]placed{{model.Daemon, "spec.lower is Never: policyd is asked"}}, keptPlace(p)...)
	case l == nil || len(l.Rules) == 0:
		return append([]placed{{model.Daemon, "policyd is asked" + because(l)}}, keptPlace(p)...)
	case l.Whole() && !l.Asks():
		return []placed{{model.Native, "the proxy decides every request"}}
	case l.Whole():
		return []placed{{model.Native, "the proxy decides; policyd is asked about requests that are written in a strange way"}}
	}
	return append([]placed{{model.Native, "the proxy decides what it can"}, {model.Daemon, "policyd is asked about the rest" + because(l)}}, keptPlace(p)...)
}

// keptPlace is where answers to questions are kept, if they are to be.
func keptPlace(p *model.RegoPolicy) []placed {
	if p.Cache == (model.CacheTimes{}) {
		return nil
	}
	if _, why := model.DecisionKeyOf([]model.RegoPolicy{*p}); why != "" {
		_, why, _ = strings.Cut(why, ": ")
		return []placed{{model.Daemon, "answers are not kept in the proxy: " + why}}
	}
	return []placed{{model.Wasm, "the proxy keeps policyd's answers"}}
}

func because(l *model.Lowered) string {
	if l == nil || len(l.Stops) == 0 {
		return ""
	}
	more := ""
	if n := len(l.Stops) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	return ": " + stopText(l.Stops[0]) + more
}
