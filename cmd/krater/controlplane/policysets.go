package controlplane

import (
	"reflect"
	"slices"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// policySets knows the policy sets of the last snapshot: they follow from the
// policies and the workloads, which most edits leave alone.
type policySets struct {
	last *model.Snapshot
	sets []string
}

func (p *policySets) of(s *model.Snapshot) []string {
	if p.last == nil || !slices.Equal(p.last.Authorization, s.Authorization) || !slices.Equal(p.last.Rego, s.Rego) ||
		!reflect.DeepEqual(p.last.Workloads, s.Workloads) {
		p.sets = nil
		for _, w := range s.Workloads {
			if set := translate.PolicySet(s, w); set != "" {
				p.sets = append(p.sets, set)
			}
		}
	}
	p.last = s
	return p.sets
}
