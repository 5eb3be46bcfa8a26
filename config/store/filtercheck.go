package store

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// FilterFinding is what is wrong with what a filter is told.
type FilterFinding struct {
	Field     string // of the object
	Text, Fix string
	Warning   bool // in force all the same
}

// checkFilter finds what the filter itself would refuse, too late, in the proxy.
func (h Hooks) checkFilter(e *crds.Entry) model.Problems {
	if h.CheckFilter == nil {
		return nil
	}
	var out model.Problems
	for _, f := range h.CheckFilter(e.Content.Filter, crds.ConfigField(e.Ref.Kind)) {
		severity := model.Error
		if f.Warning {
			severity = model.Warning
		}
		out = append(out, model.Problem{Code: model.CodeInvalidValue, Severity: severity, Object: e.Ref, Field: f.Field,
			Message: f.Text, Fix: f.Fix, Origin: e.At(f.Field)})
	}
	return out
}
