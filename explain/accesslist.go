package explain

import (
	"fmt"
	"slices"

	"github.com/krater-mesh/krater/model"
)

const slotAccessLists = "access-lists"

// accessLists asks the lists: first those that Envoy's own filter compares, as
// the denials that they are, then those that are looked up, in their order.
func (p *passage) accessLists() {
	if p.role == RoleClient {
		return
	}
	var native []*model.AuthorizationPolicy
	var long []*model.AccessList
	for _, l := range p.e.snap.AccessLists {
		switch {
		case !l.Selector.Matches(p.w) || len(l.Ports) > 0 && !slices.Contains(l.Ports, p.view.Port):
		case l.Native():
			refusal := l.Refusal()
			refusal.Rules[0].To = nil
			native = append(native, &refusal)
		default:
			long = append(long, l)
		}
	}
	results, rule := Authorize(native, model.Deny, p.w, p.view)
	for i := range results {
		p.step(Step{Slot: slotAccessLists, Policy: &results[i]})
	}
	if rule != "" {
		p.refuse(owner(results, rule), rule, "an access list refuses")
		return
	}
	for _, l := range long {
		if p.lookedUp(l); p.verdict != nil {
			return
		}
	}
}

// lookedUp asks one of the lists that the built-in filter has.
func (p *passage) lookedUp(l *model.AccessList) {
	value, shown, there := p.listed(l)
	in := there && listHas(l, value)
	refused := in == (l.Action == model.Deny)
	why := "its value is absent"
	if there {
		why = fmt.Sprintf("%q is not in the list", shown)
		if in {
			why = fmt.Sprintf("%q is in the list", shown)
		}
	}
	rule := model.RuleID(l.Object, 0)
	p.step(Step{Slot: slotAccessLists, Policy: &PolicyResult{Policy: l.Object.String(), Action: model.Deny, Matched: refused,
		Rules: []RuleResult{{Rule: rule, Matched: refused, Why: why}}}})
	if refused {
		p.verdict = &Verdict{Status: 403, Details: "accesslist/" + l.Object.Key(), Reason: "an access list refuses: " + why,
			Decision: &model.Decision{Policy: l.Object.String(), Rule: rule, Place: model.Wasm, PolicySet: p.policySet(), Reason: why}}
	}
}

// listed is the value that a list looks up, and what may be told of it.
func (p *passage) listed(l *model.AccessList) (value, shown string, ok bool) {
	switch {
	case l.Header != "":
		value, ok = p.view.Header(l.Header)
		return value, value, ok
	case l.Attribute != "":
		drawn, ok := p.view.Attributes[l.Attribute]
		return drawn.Value, drawn.Shown(), ok
	}
	return p.view.Remote, p.view.Remote, true
}

func listHas(l *model.AccessList, value string) bool {
	switch l.Match {
	case model.AccessCIDR:
		return inBlocks(l.Entries, value)
	case model.AccessFold:
		return slices.ContainsFunc(l.Entries, func(e string) bool {
			return model.StringMatch{Kind: model.Exact, Value: e, IgnoreCase: true}.Matches(value)
		})
	}
	return slices.Contains(l.Entries, value)
}
