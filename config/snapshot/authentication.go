package snapshot

import (
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// authenticationStep is whose tokens are verified where.
var authenticationStep = step{
	name:  "authentication",
	kinds: []string{"RequestAuthentication"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Groups)}
	},
	run: func(d *draft) {
		d.each(func(e *crds.Entry) {
			if a := e.Content.RequestAuthentication; a != nil {
				d.requestAuthentication(e, *a)
			}
		})
	},
	share: func(d *draft, p *Result) {
		d.snap.RequestAuthentications = shared(d.snap.RequestAuthentications, p.Snapshot.RequestAuthentications,
			func(v *model.RequestAuthentication) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.RequestAuthentications} },
}

func (d *draft) requestAuthentication(e *crds.Entry, a model.RequestAuthentication) {
	if len(a.Gateways) == 0 {
		a.Selector = d.selector(e, a.Selector)
	}
	for _, name := range a.Gateways { // targets are of its own namespace, the root's, too
		a.Targets = append(a.Targets, model.Selector{Namespace: a.Selector.Namespace, Labels: map[string]string{model.GatewayNameLabel: name}})
	}
	if len(a.Gateways) > 0 && !slices.ContainsFunc(d.snap.Workloads, a.Selects) {
		d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.targetRefs", "", "no workload has the label "+model.GatewayNameLabel+" with the name of one of these Gateways")
	}
	d.snap.RequestAuthentications = append(d.snap.RequestAuthentications, &a)
}

// denied says what is in force in an object's place that is bad, and has no
// last good version.
func denied(e *crds.Entry) (code, message, fix string) {
	const bad = "it decides access, is bad, and has no last good version: "
	c := e.Content
	switch {
	case c.PeerAuthentication != nil:
		return model.CodeNoLastGood, bad + "everything it selects takes mutual TLS only", "mend it, or remove it"
	case c.RequestAuthentication != nil && c.RequestAuthentication.RefuseAll:
		return model.CodeNoLastGood, bad + "nor can it be read where it looks for tokens, so every request to what it selects is refused (401)", "mend it, or remove it"
	case c.RequestAuthentication != nil && c.RequestAuthentication.Substitute:
		return model.CodeNoLastGood, bad + "each token where it looks is refused (401)", "mend it, or remove it"
	case c.RequestAuthentication != nil:
		return model.CodeNoLastGood, "it has no last good version: it is in force with the keys that came, and tokens of the other issuers are refused (401)", "mend what serves the keys"
	case c.Filter != nil:
		return model.CodeModuleMissing, "its module cannot be had, and it has no last good version: what it would see is answered 503, by its failure policy", "mend it, or remove it"
	}
	return model.CodeNoLastGood, bad + "everything it selects is denied", "mend it, or remove it"
}
