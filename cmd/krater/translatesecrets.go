package main

import (
	"github.com/krater-mesh/krater/agent/secrets"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// staticSecrets are the filters of a proxy that name Secrets: without an agent
// nobody gives them the values.
func staticSecrets(s *model.Snapshot, r translate.Resources) (model.Problems, error) {
	named := map[model.SecretRef]bool{}
	for _, slot := range r.Extensions {
		refs, err := secrets.Refs(slot)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			named[ref] = true
		}
	}
	var out model.Problems
	for _, f := range s.Filters {
		all := f.Secrets
		for _, route := range f.Routes {
			all = append(all[:len(all):len(all)], route.Secrets...)
		}
		for _, secret := range all {
			if named[model.SecretRef{Namespace: f.Object.Namespace, Name: secret.Name, Key: secret.Key}] {
				out = append(out, model.Problem{Code: model.CodeNotSupported, Severity: model.Error, Object: f.Object, Field: secret.Field + ".secretRef",
					Message: "a static configuration has no value of a Secret: an agent seals it for its Envoy", Fix: "run the proxy beside an agent",
					Origin: s.Origins[f.Object.String()]})
			}
		}
	}
	return out, nil
}
