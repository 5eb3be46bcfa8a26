package policytest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/krater-mesh/krater/model"
)

// testTimeout is how long one test of OPA may take.
const testTimeout = 10 * time.Second

// regoTests runs the tests that a suite names beside its policy's modules and
// data.
func (r *Report) regoTests(ctx context.Context, s Suite, p model.RegoPolicy, o Options) error {
	sources := slices.Clone(p.Modules)
	for _, name := range s.Tests {
		text, err := os.ReadFile(s.path(name))
		if err != nil {
			return fmt.Errorf("reading a test: %w", err)
		}
		sources = append(sources, model.RegoModule{Name: s.path(name), Source: string(text)})
	}
	modules, err := parse(sources)
	if err != nil {
		return err
	}
	data := map[string]any{}
	if p.Data != "" {
		if err := json.Unmarshal([]byte(p.Data), &data); err != nil {
			return fmt.Errorf("reading the data of %s: %w", p.Object, err)
		}
	}
	return r.runTests(ctx, p.Object.String(), modules, inmem.NewFromObject(data), o)
}

// RunFolder runs the tests of OPA among files and folders, as `opa test` does:
// beside the modules there, and the data of data.json and data.yaml.
func (r *Report) RunFolder(ctx context.Context, paths []string, o Options) error {
	loaded, err := loader.NewFileLoader().WithProcessAnnotation(true).Filtered(paths, notRego)
	if err != nil {
		return fmt.Errorf("reading Rego: %w", err)
	}
	modules := map[string]*ast.Module{}
	for _, m := range loaded.Modules {
		modules[m.Name] = m.Parsed
	}
	return r.runTests(ctx, "", modules, inmem.NewFromObject(loaded.Documents), o)
}

// notRego leaves out what is neither a module nor a data document.
func notRego(_ string, info os.FileInfo, _ int) bool {
	switch info.Name() {
	case "data.json", "data.yaml", "data.yml":
		return false
	}
	return !info.IsDir() && filepath.Ext(info.Name()) != ".rego"
}

func parse(sources []model.RegoModule) (map[string]*ast.Module, error) {
	out := map[string]*ast.Module{}
	for _, m := range sources {
		parsed, err := ast.ParseModuleWithOpts(m.Name, m.Source, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			old, oldErr := ast.ParseModuleWithOpts(m.Name, m.Source, ast.ParserOptions{RegoVersion: ast.RegoV0})
			if oldErr != nil {
				return nil, fmt.Errorf("reading Rego: %w", err)
			}
			parsed = old
		}
		out[m.Name] = parsed
	}
	return out, nil
}

func (r *Report) runTests(ctx context.Context, policy string, modules map[string]*ast.Module, store storage.Store, o Options) error {
	covered := cover.New()
	runner := tester.NewRunner().SetStore(store).SetModules(modules).SetTimeout(testTimeout).CapturePrintOutput(true).EnableTracing(true)
	if o.Coverage {
		runner.SetCoverageQueryTracer(covered)
	}
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return fmt.Errorf("preparing the tests' data: %w", err)
	}
	defer store.Abort(ctx, txn)
	results, err := runner.RunTests(ctx, txn)
	if err != nil {
		return fmt.Errorf("running OPA's tests: %w", err)
	}
	for t := range results {
		r.add(regoResult(policy, t))
	}
	if o.Coverage {
		r.coverModules(withoutTests(modules), covered)
	}
	return nil
}

func regoResult(policy string, t *tester.Result) Result {
	out := Result{
		File: t.Location.File, Name: t.Package + "." + t.Name, Policy: policy,
		Passed: t.Pass(), Skipped: t.Skip, Duration: t.Duration,
	}
	switch {
	case t.Error != nil:
		out.Why = []string{t.Error.Error()}
	case t.Fail:
		out.Why = []string{fmt.Sprintf("the test at %s:%d does not hold", t.Location.File, t.Location.Row)}
		if at := failedAt(t); at != nil {
			out.Why[0] = fmt.Sprintf("%s:%d does not hold: %s", at.File, at.Row, strings.TrimSpace(string(at.Text)))
		}
	}
	if text := strings.TrimSpace(string(t.Output)); text != "" && !out.Passed {
		out.Why = append(out.Why, "it printed: "+text)
	}
	return out
}

// failedAt is the last line of a test that did not hold.
func failedAt(t *tester.Result) *ast.Location {
	for _, e := range slices.Backward(t.Trace) {
		if x, ok := e.Node.(*ast.Expr); ok && e.Op == topdown.FailOp && x.Location != nil && x.Location.File == t.Location.File {
			return x.Location
		}
	}
	return nil
}

// withoutTests are the modules whose coverage counts.
func withoutTests(modules map[string]*ast.Module) map[string]*ast.Module {
	out := map[string]*ast.Module{}
	for name, m := range modules {
		if !strings.HasSuffix(name, "_test.rego") {
			out[name] = m
		}
	}
	return out
}
