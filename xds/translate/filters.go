package translate

import (
	"github.com/krater-mesh/krater/model"
)

// filtersOf are the filters of a workload's proxy, each as the one version that
// this proxy is to have, in the order in which they stand within a phase. It is
// the one place where a version is chosen: all else is made of what it gives.
func (r *round) filtersOf(w *model.Workload) []*model.FilterBinding { return r.snap.FiltersFor(*w) }
