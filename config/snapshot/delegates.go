package snapshot

import (
	"slices"
	"strconv"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// delegate is a VirtualService without hosts, resolved: others take its
// routes in.
type delegate struct {
	entry *crds.Entry
	http  []model.HTTPRoute
}

// delegate resolves a VirtualService without hosts. Short names in it are of
// its own namespace, whoever delegates to it.
func (d *draft) delegate(e *crds.Entry) {
	t := e.Content.Routes
	if t == nil || len(t.Hosts) > 0 {
		return
	}
	own := &delegate{entry: e, http: slices.Clone(t.HTTP)}
	for i := range own.http {
		field := item("spec.http", i)
		if _, further := e.Content.Delegates[own.http[i].Name]; further {
			d.problem(e, model.Error, model.CodeInvalidValue, field+".delegate", "delegate to its target from the VirtualService that has the hosts",
				"a delegate cannot delegate further")
		}
		d.route(e, &own.http[i], field)
	}
	d.delegates[e.Ref.Key()] = own
}

// delegated are the routes of a delegate where the root's rule matches too. A
// delegate that is not there leaves a rule that answers 503: its requests are
// not let loose on the next rule.
func (d *draft) delegated(e *crds.Entry, root model.HTTPRoute, to model.Ref, field string) []model.HTTPRoute {
	found := d.delegateFor(e, to, field+".delegate")
	if found == nil {
		root.Direct = &model.DirectResponse{Status: 503}
		return []model.HTTPRoute{root}
	}
	var out []model.HTTPRoute
	for i, r := range found.http {
		merged, ok := mergeRoute(root, r)
		if !ok {
			d.problem(found.entry, model.Warning, model.CodeUnreachable, item("spec.http", i)+".match", "ask in each match for no less than one match there does",
				"not all of its matches are a part of those of %s of %s, which delegates to it: the rule is not used there", field, e.Ref)
			continue
		}
		merged.From = &model.Ref{Kind: found.entry.Ref.Kind, Namespace: found.entry.Ref.Namespace, Name: found.entry.Ref.Name}
		out = append(out, merged)
	}
	return out
}

// delegateFor finds a delegate that the root may use.
func (d *draft) delegateFor(root *crds.Entry, to model.Ref, field string) *delegate {
	if to.Namespace == "" {
		to.Namespace = root.Ref.Namespace
	}
	found := d.delegates[to.Key()]
	if found == nil {
		d.missing(root, field, "declare it; a delegate has no hosts", "there is no delegate VirtualService %s", to.Key())
		return nil
	}
	exported := found.entry.Content.Routes.ExportTo
	if len(exported) == 0 {
		exported = d.snap.Mesh.RouteExportTo
	}
	if !model.Exported(exported, to.Namespace, root.Ref.Namespace) {
		d.missing(root, field, "add "+root.Ref.Namespace+" to its exportTo", "the delegate VirtualService %s is not exported to %s", to.Key(), root.Ref.Namespace)
		return nil
	}
	return found
}

// mergeRoute gives a delegate's rule with the root's matches, and with what
// only the root says. It tells whether the two fit.
func mergeRoute(root, leaf model.HTTPRoute) (model.HTTPRoute, bool) {
	matches, ok := mergeMatches(root.Matches, leaf.Matches)
	if !ok {
		return model.HTTPRoute{}, false
	}
	leaf.Matches = matches
	leaf.Name = root.Name + "-" + leaf.Name
	if leaf.Rewrite == nil {
		leaf.Rewrite = root.Rewrite
	}
	if leaf.Timeout == nil {
		leaf.Timeout = root.Timeout
	}
	if leaf.Retries == nil {
		leaf.Retries = root.Retries
	}
	if leaf.Fault == nil {
		leaf.Fault = root.Fault
	}
	if leaf.Mirrors == nil {
		leaf.Mirrors = root.Mirrors
	}
	if leaf.CORS == nil {
		leaf.CORS = root.CORS
	}
	if noChanges(leaf.Headers) {
		leaf.Headers = root.Headers
	}
	return leaf, true
}

func noChanges(h model.HeaderChanges) bool {
	empty := func(o model.HeaderOps) bool { return len(o.Set)+len(o.Add)+len(o.Remove) == 0 }
	return empty(h.Request) && empty(h.Response)
}

// uniqueRoutes gives every route a name of its own.
func uniqueRoutes(list []model.HTTPRoute) {
	used := map[string]bool{}
	for i := range list {
		name := list[i].Name
		for n := 1; used[list[i].Name]; n++ {
			list[i].Name = name + "-" + strconv.Itoa(n)
		}
		used[list[i].Name] = true
	}
}
