package snapshot

import (
	"fmt"
	"sort"

	"github.com/krater-mesh/krater/model"
)

// place says for each rule which part of the mesh runs it, and why.
func (d *draft) place() {
	s := d.snap
	add := func(o model.Ref, rule string, place model.Place, reason string) {
		s.Placements = append(s.Placements, model.Placement{Object: o, Rule: rule, Place: place, Reason: reason})
	}
	for _, p := range s.Authorization {
		place, reason := authorizationPlace(p)
		for i := range p.Rules {
			add(p.Object, p.RuleID(i), place, reason)
		}
	}
	for _, a := range s.RequestAuthentications {
		for i, r := range a.Rules {
			place, reason := authenticationPlace(a, r)
			add(a.Object, model.RuleID(a.Object, i), place, reason)
		}
	}
	for _, p := range s.Rego {
		for _, part := range d.regoPlaces(p) {
			add(p.Object, p.Query, part.place, part.reason)
		}
	}
	for _, l := range s.AccessLists {
		place, reason := accessPlace(l)
		add(l.Object, string(l.Action), place, reason)
	}
	for _, l := range s.Limits {
		add(l.Object, l.Name, model.Native, "each proxy counts for itself: Envoy's local rate limit")
	}
	for _, f := range s.Filters {
		if f.Type == model.FilterLua {
			add(f.Object, "lua", model.Native, "Envoy's own Lua filter runs the script")
			continue
		}
		add(f.Object, f.Module.URL, model.Wasm, "a Wasm module runs in the proxy")
	}
	for _, a := range s.Attributes {
		for _, one := range a.Attributes {
			add(a.Object, one.Name, model.Wasm, "the attributes filter draws it in the proxy")
		}
	}
	for _, r := range s.Telemetry {
		for _, m := range r.Metrics {
			add(r.Object, m.Name, model.Native, "Envoy counts it; the collector gives it its public name")
		}
		for _, l := range r.Logs {
			add(r.Object, l.Name, model.Daemon, "the collector receives a record of each matching request")
		}
	}
	sort.SliceStable(s.Placements, func(i, j int) bool { return s.Placements[i].Object.Less(s.Placements[j].Object) })
}

// authorizationPlace says what decides by an AuthorizationPolicy.
func authorizationPlace(p *model.AuthorizationPolicy) (model.Place, string) {
	place, reason := model.Native, "Envoy's RBAC filter decides it"
	switch {
	case p.Substitute:
		return place, "the object is bad and has no last good version: RBAC denies what it selects"
	case p.Action == model.Custom:
		place, reason = model.Daemon, "Envoy's RBAC filter finds the requests; the provider "+p.Provider+" decides them"
	case p.Action == model.Audit:
		reason = "Envoy's RBAC filter marks the requests"
	}
	if p.DryRun {
		reason += "; a dry run: nothing comes of it but a record"
	}
	return place, reason
}

// accessPlace says what compares an access list's entries.
func accessPlace(l *model.AccessList) (model.Place, string) {
	switch {
	case l.Native():
		return model.Native, "Envoy's RBAC filter compares the entries one by one"
	case len(l.Entries) <= model.MaxNativeAccess:
		return model.Wasm, "Envoy's RBAC filter knows addresses of callers only: the built-in filter accesslist looks this one up"
	}
	return model.Wasm, fmt.Sprintf("%d entries are more than the %d that are compared one by one: the built-in filter accesslist looks them up", len(l.Entries), model.MaxNativeAccess)
}
