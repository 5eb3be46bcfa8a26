package rego

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/krater-mesh/krater/model"
)

// Compile makes a policy ready to be asked. Problems that are errors come
// with no policy; warnings and notes come beside one.
//
// A failing built-in is undefined, not an evaluation error: that is OPA's and
// opa-envoy-plugin's default, and a policy that comes over from there keeps
// its meaning. So `not` of what fails is true.
func Compile(policy model.RegoPolicy) (*Policy, model.Problems) {
	report := reporter{policy: policy}
	return report.prepared()
}

// CompileQuick is Compile for many requests: answers are the same, traces and
// coverage are not those of the policy as it is written.
func CompileQuick(policy model.RegoPolicy) (*Policy, model.Problems) {
	report := reporter{policy: policy, quick: true}
	return report.prepared()
}

func (r *reporter) prepared() (*Policy, model.Problems) {
	l, policy := r.link(), r.policy
	if l == nil {
		return nil, r.problems
	}
	store := newStore(l.data)
	prepared, err := rego.New(
		rego.Compiler(l.compiler), rego.Store(store), rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(l.query)))),
		rego.Capabilities(Capabilities(policy)), rego.StrictBuiltinErrors(false),
		rego.Runtime(runtime), rego.GenerateJSON(term),
	).PrepareForEval(context.Background())
	if err != nil {
		r.add(model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: "spec.query",
			Message: fmt.Sprintf("preparing %s: %v", policy.Query, err)})
		return nil, r.problems
	}
	p := &Policy{
		object: policy.Object, query: policy.Query, version: policy.Version(), failure: policy.Failure,
		timeout: policy.Timeout.Std(), memory: policy.Memory, send: newHTTPSend(policy.HTTPSend), body: l.body,
		need: everything, prepared: prepared, versions: map[string]string{},
	}
	if r.quick {
		p.need = needOf(l.compiler, l.query)
	}
	if p.memory == 0 {
		p.memory = defaultMemory
	}
	if p.snapshot, err = store.NewTransaction(context.Background()); err != nil {
		r.add(model.Problem{Code: model.CodeBadRego, Severity: model.Error, Field: "spec.data", Message: fmt.Sprintf("reading the data: %v", err)})
		return nil, r.problems
	}
	for name, m := range l.modules {
		p.versions[name] = regoVersionName(m)
	}
	return p, r.problems
}

// linked is a policy whose modules fit together.
type linked struct {
	query    ast.Ref
	data     map[string]any
	body     bodyRules
	compiler *ast.Compiler
	modules  map[string]*ast.Module
}

// link reads and checks a policy; nil: it has errors. Its data is only read
// where rules and data might have the same name: making it ready to be asked
// takes as long again.
func (r *reporter) link() *linked {
	l := &linked{query: r.query(), data: r.data()}
	if len(r.policy.Modules) == 0 {
		r.add(model.Problem{Code: model.CodeMissing, Severity: model.Error, Field: "spec.modules",
			Message: "a RegoPolicy needs a module", Fix: "add one under spec.modules"})
	}
	modules := r.parse()
	l.body = r.body()
	if r.problems.HasErrors() {
		return nil
	}
	l.compiler, l.modules = r.compile(modules, l.data)
	if r.problems.HasErrors() {
		return nil
	}
	if !r.quick {
		r.expansions(l.compiler)
	}
	if r.problems.HasErrors() {
		return nil
	}
	r.undefinedQuery(l.compiler, l.query, l.data)
	r.oldModules(l.modules)
	return l
}

// compile links the modules. Modules that were read as v1 without saying so,
// and do not compile as v1, get a second chance as v0.
func (r *reporter) compile(modules map[string]*ast.Module, data map[string]any) (*ast.Compiler, map[string]*ast.Module) {
	compiler := r.compileModules(modules, data)
	if !compiler.Failed() {
		return compiler, modules
	}
	if old, ok := r.asV0(modules); ok {
		if second := r.compileModules(old, data); !second.Failed() {
			return second, old
		}
	}
	compiler.Errors.Sort()
	for _, err := range compiler.Errors {
		r.regoError(err)
	}
	return nil, nil
}

func (r *reporter) compileModules(modules map[string]*ast.Module, data map[string]any) *ast.Compiler {
	copies := make(map[string]*ast.Module, len(modules)) // compiling rewrites a module
	for name, m := range modules {
		copies[name] = m.Copy()
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities(r.policy)).WithDefaultRegoVersion(ast.RegoV1).
		WithPathConflictsCheck(func(path []string) (bool, error) { return taken(data, path), nil })
	if r.quick {
		compiler.WithStageAfterID(ast.StageCheckDeprecatedBuiltins, ast.CompilerStageDefinition{Name: "WriteOutAliases", MetricName: "write_out_aliases",
			Stage: func(c *ast.Compiler) *ast.Error {
				r.expansions(c) // of the policy as it is written
				return writeOut(c)
			}})
	}
	compiler.Compile(copies)
	return compiler
}

// taken tells whether data has a value at a path, or at a part of it one that
// holds no others.
func taken(data map[string]any, path []string) bool {
	var at any = data
	for _, name := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return true
		}
		if at, ok = object[name]; !ok {
			return false
		}
	}
	return true
}

// undefinedQuery warns where neither a rule nor the data defines the query.
func (r *reporter) undefinedQuery(compiler *ast.Compiler, query ast.Ref, data map[string]any) {
	dynamic := compiler.GetRulesDynamicWithOpts(query, ast.RulesOptions{})
	if len(dynamic) > 0 || len(compiler.GetRulesWithPrefix(query)) > 0 || inData(query, data) {
		return
	}
	outcome := "denied"
	if r.policy.Failure == model.FailOpen {
		outcome = "allowed"
	}
	r.add(model.Problem{Code: model.CodeBadRego, Severity: model.Warning, Field: "spec.query",
		Message: fmt.Sprintf("no rule defines %s: it is undefined for every request, which is %s", r.policy.Query, outcome),
		Fix:     "name a rule of one of the modules' packages"})
}

func inData(query ast.Ref, data map[string]any) bool {
	var at any = data
	for _, term := range query[1:] {
		object, ok := at.(map[string]any)
		key, isString := term.Value.(ast.String)
		if !ok || !isString {
			return false
		}
		if at, ok = object[string(key)]; !ok {
			return false
		}
	}
	return true
}

// oldModules notes the modules that were read as Rego v0.
func (r *reporter) oldModules(modules map[string]*ast.Module) {
	for i, m := range r.policy.Modules {
		if parsed := modules[m.Name]; parsed != nil && parsed.RegoVersion() == ast.RegoV0 {
			r.add(model.Problem{Code: model.CodeDeprecated, Severity: model.Info, Field: moduleField(i),
				Message: fmt.Sprintf("%s is read as Rego v0", m.Name),
				Fix:     "write it in Rego v1 (`opa fmt --rego-v1`)"})
		}
	}
}
