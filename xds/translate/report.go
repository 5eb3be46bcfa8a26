package translate

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// report collects what could not be translated. Where an object was declared
// is added by the round, so that moving a line makes nothing anew.
type report struct{ problems model.Problems }

func (r *report) problem(severity model.Severity, code string, o model.Ref, field, message, fix string) {
	found := model.Problem{Code: code, Severity: severity, Object: o, Field: field, Message: message, Fix: fix}
	if !slices.Contains(r.problems, found) {
		r.problems = append(r.problems, found)
	}
}

// notSupported is the Problem of what is accepted, but not translated yet.
func (r *report) notSupported(o model.Ref, field, message, fix string) {
	r.problem(model.Warning, model.CodeNotSupported, o, field, message, fix)
}
