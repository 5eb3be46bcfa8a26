package explain

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// custom is the CUSTOM policies on one side of authentication, those of each
// provider together, by the providers' names. What a provider would answer is
// its own to know: the explanation goes on as if it allowed, and says so.
func (p *passage) custom(slot string, behind bool) {
	if p.role == RoleClient {
		return
	}
	byProvider := map[string][]*model.AuthorizationPolicy{}
	var names []string
	for _, a := range p.e.snap.Authorization {
		if a.Action != model.Custom || (a.AfterAuthn || a.ReadsToken()) != behind || !a.Selects(p.w) {
			continue
		}
		if _, known := byProvider[a.Provider]; !known {
			names = append(names, a.Provider)
		}
		byProvider[a.Provider] = append(byProvider[a.Provider], a)
	}
	slices.Sort(names)
	for _, name := range names {
		if p.ask(slot, name, byProvider[name]); p.verdict != nil {
			return
		}
	}
}

// ask finds whether a provider is asked.
func (p *passage) ask(slot, name string, policies []*model.AuthorizationPolicy) {
	dry, _ := DryRun(policies, model.Custom, p.w, p.view)
	for i := range dry {
		if dry[i].Matched {
			dry[i].Would = "ask " + name
		}
		p.step(Step{Slot: slot, Policy: &dry[i]})
	}
	results, rule := Authorize(policies, model.Custom, p.w, p.view)
	for i := range results {
		p.step(Step{Slot: slot, Policy: &results[i]})
	}
	if rule == "" {
		return
	}
	asks := p.e.provider(name, p.w)
	if asks == nil {
		p.refuse(owner(results, rule), rule, "its provider "+name+" cannot be asked")
		return
	}
	p.instead = append(p.instead, Alternative{Status: 403, Reason: "if the provider " + name + " denies"})
}

// provider finds one that a workload's proxy can ask.
func (e *explainer) provider(name string, w model.Workload) *model.ExtAuthz {
	asks := e.snap.Mesh.ExtAuthzOf(name)
	if asks == nil {
		return nil
	}
	for _, known := range e.snap.ScopeOf(w).Services {
		s := known.Service
		if s.Host == asks.Host && (asks.Namespace == "" || asks.Namespace == s.Namespace) &&
			slices.ContainsFunc(known.Known, func(p model.Port) bool { return p.Number == asks.Port }) {
			return asks
		}
	}
	return nil
}
