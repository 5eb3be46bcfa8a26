package crds_test

import (
	"testing"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// TestForeignKinds: what else a Kubernetes file holds is told of, and no error.
func TestForeignKinds(t *testing.T) {
	for kind, want := range map[string]model.Severity{
		"apps/v1 Deployment":                     model.Info,
		"v1 ServiceAccount":                      model.Info,
		"rbac.authorization.k8s.io/v1 Role":      model.Info,
		"autoscaling/v2 HorizontalPodAutoscaler": model.Info,
		"networking.k8s.io/v1 Ingress":           model.Warning,
		"v1 Endpoints":                           model.Warning,
		"v1 Sevice":                              model.Error,
		"v2 Service":                             model.Error,
		"example.com/v1 Deployment":              model.Error,
	} {
		var version, name string
		for i := range kind {
			if kind[i] == ' ' {
				version, name = kind[:i], kind[i+1:]
			}
		}
		o := parseText(t, "apiVersion: "+version+"\nkind: "+name+"\nmetadata: {name: x}\nspec: {anything: [1]}\n")
		e, problems := crds.Convert(o, crds.Options{})
		if len(problems) != 1 || problems[0].Severity != want {
			t.Errorf("%s: %v, want one %s", kind, problems, want)
		}
		if want != model.Error && (e.Ref != o.Ref || e.Content.Service != nil) {
			t.Errorf("%s: entry %+v", kind, e)
		}
	}
}
