package crds

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// report collects one object's problems.
type report struct {
	object   *Object
	problems model.Problems
}

func (r *report) add(severity model.Severity, code, field, fix, format string, args ...any) {
	r.problems = append(r.problems, model.Problem{Code: code, Severity: severity, Object: r.object.Ref, Field: field,
		Message: fmt.Sprintf(format, args...), Fix: fix, Origin: r.object.At(field)})
}

// bad is an error on a field's value.
func (r *report) bad(field, format string, args ...any) {
	r.add(model.Error, model.CodeInvalidValue, field, "", format, args...)
}

// warn is a warning on a field's value: the object is in force.
func (r *report) warn(field, format string, args ...any) {
	r.add(model.Warning, model.CodeInvalidValue, field, "", format, args...)
}

// missing is an error on a field that must be given.
func (r *report) missing(field, format string, args ...any) {
	r.add(model.Error, model.CodeMissing, field, "", format, args...)
}

// refuse is an error on something accepted by its schema that is not
// translated yet, and without which the object would mean something else.
func (r *report) refuse(field, format string, args ...any) {
	r.add(model.Error, model.CodeNotSupported, field, "", format, args...)
}

// ignore is a warning on something that is not translated yet, and without
// which the rest of the object still holds.
func (r *report) ignore(field, format string, args ...any) {
	r.add(model.Warning, model.CodeNotSupported, field, "", format, args...)
}

// reported tells whether a field, or something in it, has a problem already.
func (r *report) reported(field string) bool {
	for _, p := range r.problems {
		if strings.HasPrefix(p.Field, field) {
			return true
		}
	}
	return false
}

// include takes over the problems that a spec's Validate found.
func (r *report) include(ps model.Problems) {
	for _, p := range ps {
		p.Object, p.Origin = r.object.Ref, r.object.At(p.Field)
		r.problems = append(r.problems, p)
	}
}
