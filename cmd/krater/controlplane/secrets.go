package controlplane

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// ownSecrets refuses to publish what would hand a workload the Secret of
// another namespace. Translation makes no such thing; should it ever, nothing
// of that edit goes out.
func ownSecrets(w model.Workload, parts []*translate.Part) error {
	for _, p := range parts {
		for _, s := range p.Resources.Secrets {
			of, isSecret := strings.CutPrefix(s.GetName(), "kubernetes://")
			if isSecret && !strings.HasPrefix(of, w.Namespace+"/") {
				return fmt.Errorf("publishing for %s: it would get the Secret %s", w.ID(), of)
			}
		}
	}
	return nil
}
