package rego

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/krater-mesh/krater/model"
)

// query reads spec.query, a reference below data.
func (r *reporter) query() ast.Ref {
	bad := model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: "spec.query",
		Fix: "write a reference to a rule, such as data.bookinfo.authz.allow"}
	if r.policy.Query == "" {
		bad.Code, bad.Message = model.CodeMissing, "a RegoPolicy needs a query"
		r.add(bad)
		return nil
	}
	ref, err := ast.ParseRef(r.policy.Query)
	if err != nil || !ref.HasPrefix(ast.DefaultRootRef) || len(ref) < 2 || !ref.IsGround() {
		bad.Message = fmt.Sprintf("%q is no reference below data", r.policy.Query)
		r.add(bad)
		return nil
	}
	return ref
}

// data reads spec.data, a JSON object.
func (r *reporter) data() map[string]any {
	data := map[string]any{}
	if r.policy.Data == "" {
		return data
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(r.policy.Data)))
	decoder.UseNumber()
	err := decoder.Decode(&data)
	if err == nil && data == nil {
		err = errors.New("it is null")
	}
	if _, more := decoder.Token(); err == nil && more != io.EOF {
		err = errors.New("something follows the object")
	}
	if err != nil {
		r.add(model.Problem{Code: model.CodeInvalidValue, Severity: model.Error, Field: "spec.data",
			Message: fmt.Sprintf("not a JSON object: %v", err), Fix: "write an object"})
	}
	return data
}

// body reads what the policy says of bodies.
func (r *reporter) body() bodyRules {
	p := r.policy
	out := bodyRules{max: p.MaxBody, whole: p.WholeBody, raw: p.RawBody, unread: p.UnreadBody}
	if len(p.ProtoDescriptor) == 0 {
		return out
	}
	files, err := readDescriptors(p.ProtoDescriptor)
	if err != nil {
		r.add(model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: "spec.protoDescriptor",
			Message: fmt.Sprintf("reading the descriptors: %v", err), Fix: "write them by protoc --include_imports --descriptor_set_out=FILE"})
	}
	out.methods = files
	return out
}

func newStore(data map[string]any) storage.Store {
	return inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
}

// parse reads the modules, each as Rego v1 or, where that fails and it does
// not import rego.v1, as v0.
func (r *reporter) parse() map[string]*ast.Module {
	modules := map[string]*ast.Module{}
	for i, m := range r.policy.Modules {
		if _, twice := modules[m.Name]; twice {
			r.add(model.Problem{Code: model.CodeInvalidValue, Severity: model.Error, Field: moduleField(i),
				Message: fmt.Sprintf("two modules are named %q", m.Name), Fix: "give each its own name"})
			continue
		}
		parsed, err := parseModule(m, ast.RegoV1)
		if err != nil {
			old, oldErr := parseModule(m, ast.RegoV0)
			switch {
			case oldErr == nil && !importsV1(old):
				parsed, err = old, nil
			case oldErr != nil && line(oldErr) > line(err): // v0 understood more of it
				err = oldErr
			}
		}
		if err != nil {
			r.parseErrors(i, err)
			continue
		}
		modules[m.Name] = parsed
	}
	return modules
}

// asV0 reads again as v0 every module that does not say it is v1.
func (r *reporter) asV0(modules map[string]*ast.Module) (map[string]*ast.Module, bool) {
	old, changed := map[string]*ast.Module{}, false
	for _, m := range r.policy.Modules {
		old[m.Name] = modules[m.Name]
		if modules[m.Name].RegoVersion() == ast.RegoV0 || importsV1(modules[m.Name]) {
			continue
		}
		parsed, err := parseModule(m, ast.RegoV0)
		if err != nil {
			continue // it is v1, whatever else is wrong
		}
		old[m.Name], changed = parsed, true
	}
	return old, changed
}

func parseModule(m model.RegoModule, version ast.RegoVersion) (*ast.Module, error) {
	parsed, err := ast.ParseModuleWithOpts(m.Name, m.Source, ast.ParserOptions{RegoVersion: version})
	if err == nil && parsed == nil {
		err = ast.Errors{ast.NewError(ast.ParseErr, ast.NewLocation(nil, m.Name, 1, 1), "the module is empty")}
	}
	return parsed, err
}

// importsV1 tells whether a module says itself that it is Rego v1.
func importsV1(m *ast.Module) bool {
	for _, i := range m.Imports {
		if i.Path.String() == "rego.v1" {
			return true
		}
	}
	return false
}

// line is where the first of a parser's errors stands.
func line(err error) int {
	var list ast.Errors
	if errors.As(err, &list) && len(list) > 0 && list[0].Location != nil {
		return list[0].Location.Row
	}
	return 0
}
