package snapshot

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// authenticationStep is whose tokens are verified where.
var authenticationStep = step{
	name:  "authentication",
	kinds: []string{"RequestAuthentication"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Groups), d.authenticatedServices()}
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
	if len(a.Gateways)+len(a.Services) == 0 {
		a.Selector = d.selector(e, a.Selector)
	} else { // as a policy
		to := model.AuthorizationPolicy{Selector: a.Selector, Gateways: a.Gateways, Services: a.Services}
		d.attach(e, &to)
		a.Targets = to.Targets
	}
	d.snap.RequestAuthentications = append(d.snap.RequestAuthentications, &a)
}

// authenticatedServices tells the Services that objects are attached to from
// what they were before.
func (d *draft) authenticatedServices() string {
	out := ""
	for _, s := range d.byKind["RequestAuthentication"] {
		if a := s.versions[0].Content.RequestAuthentication; a != nil {
			for _, name := range a.Services {
				if k := d.kubeSlot(name, s.ref.Namespace); k != nil {
					out += k.ref.Key() + "=" + k.versions[0].Version + ","
				}
			}
		}
	}
	return out
}

// authenticationPlace says what verifies by a rule.
func authenticationPlace(a *model.RequestAuthentication, r model.JWTRule) (model.Place, string) {
	switch {
	case a.Substitute:
		return model.Native, "the object is bad and has no last good version: Envoy's jwt_authn filter refuses each token"
	case r.Keys == "":
		return model.Native, "Envoy's jwt_authn filter refuses each token: keys never came"
	}
	return model.Native, "Envoy's jwt_authn filter verifies tokens by keys that the control plane gives it"
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
