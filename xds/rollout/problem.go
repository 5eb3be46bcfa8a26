package rollout

import (
	"fmt"

	"github.com/krater-mesh/krater/model"
)

// Problems are the versions that were taken back, and those that wait too long.
func (b *Book) Problems() model.Problems {
	var out model.Problems
	for _, r := range b.Records {
		if p, ok := r.problem(); ok && r.Gone.IsZero() {
			out = append(out, p)
		}
	}
	return out.Sorted()
}

func (r *Record) problem() (model.Problem, bool) {
	p := model.Problem{Severity: model.Warning, Object: r.Object, Field: "spec.rollout"}
	switch {
	case r.Phase == model.RolloutRolledBack:
		p.Code, p.Severity = model.CodeRolledBack, model.Error
		p.Message = fmt.Sprintf("its new version %s was taken back: %s", r.New.Version(), r.Reason)
		if p.Fix = "the version before stays in force; declare a better one"; r.Old == nil {
			p.Fix = "there was none before, so no proxy has the filter; declare a better one"
		}
	case r.Overdue && r.Active():
		p.Code, p.Message = model.CodeRolloutWaits, fmt.Sprintf("its rollout waits at step %d: %s", r.Step+1, r.Waiting)
		p.Fix = "see to it that there are readings, or say `krater filter rollout promote` or `abort`"
	case r.Overdue:
		p.Code, p.Message = model.CodeRolloutWaits, r.Waiting
		p.Fix = "the version before stays in force there"
	default:
		return p, false
	}
	return p, true
}
