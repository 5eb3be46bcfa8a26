package store

import (
	"fmt"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// RegoError is one thing that a Rego compiler refuses.
type RegoError struct {
	Module  string // its name
	Line    int    // in the module; 0 is unknown
	Message string
}

// Hooks are the checks that need more than configuration: cmd wires them.
// Each may be nil.
type Hooks struct {
	// CheckRego compiles a policy.
	CheckRego func(model.RegoPolicy) []RegoError
	// ResolveModule finds the Wasm module of a filter.
	ResolveModule func(ModuleRequest) ModuleAnswer
	// ResolveKeys finds the keys that an issuer's tokens are verified by.
	ResolveKeys func(KeysRequest) KeysAnswer
	// ResolveBundle finds what a policy's bundle holds.
	ResolveBundle func(BundleRequest) BundleAnswer
	// CheckFilter gives what is wrong with what a filter is told, once its module
	// is there. at is the field of its configuration.
	CheckFilter func(f *model.FilterBinding, at string) []FilterFinding
	// ReadFile reads a file that an object names. Nil: os.ReadFile.
	ReadFile func(path string) ([]byte, error)

	around *surroundings
}

// check runs the hooks on an entry and fills in what they find.
func (h Hooks) check(e *crds.Entry) model.Problems {
	switch {
	case e.Content.Rego != nil && h.CheckRego != nil:
		return h.checkRego(e)
	case e.Content.Filter != nil && e.Content.Filter.Type != model.FilterLua && h.ResolveModule != nil:
		return h.checkFilter(e)
	}
	return nil
}

func (h Hooks) checkRego(e *crds.Entry) model.Problems {
	var out model.Problems
	for _, r := range h.CheckRego(*e.Content.Rego) {
		field := "spec.modules"
		for i, m := range e.Content.Rego.Modules {
			if m.Name == r.Module {
				field = fmt.Sprintf("spec.modules[%d]", i)
			}
		}
		message := r.Message
		if r.Line > 0 {
			message = fmt.Sprintf("%s line %d: %s", r.Module, r.Line, r.Message)
		}
		out = append(out, model.Problem{Code: model.CodeBadRego, Severity: model.Error, Object: e.Ref,
			Field: field, Message: message, Origin: e.At(field)})
	}
	return out
}
