package policytest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Options are how policies are found, and held against the proxies' rules.
type Options struct {
	// Object finds a RegoPolicy among declared files; none: in the mesh.
	Object func(key string, files []string) (model.RegoPolicy, error)
	// Lower gives what proxies decide of a policy by themselves; nil: nothing.
	Lower func(model.RegoPolicy) *model.Lowered
	// Decide is what lowered rules say of a request; nil: nothing does.
	Decide func(*model.Lowered, rego.Request, map[string]any) Native
	// Coverage asks which lines the cases touch.
	Coverage bool
}

// Native is what lowered rules say, by the reference evaluator.
type Native struct {
	Verdict model.Verdict
	Rule    string
	Answer  model.LoweredAnswer // of a denial; no status: a 403 without a body
}

// Result is what became of one case, or of one test of OPA.
type Result struct {
	File      string        `json:"file"`
	Name      string        `json:"name"`
	Policy    string        `json:"policy,omitempty"`
	Passed    bool          `json:"passed"`
	Skipped   bool          `json:"skipped,omitempty"`
	Placement model.Place   `json:"placement,omitempty"`
	Rule      string        `json:"rule,omitempty"` // of the proxy's rules, where they decide
	Why       []string      `json:"why,omitempty"`  // it did not pass
	Duration  time.Duration `json:"durationNs"`
}

// Run runs the cases of a suite, and OPA's tests that it names.
func (r *Report) Run(ctx context.Context, s Suite, o Options) error {
	p, err := find(s, o)
	if err != nil {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	compiled, problems := rego.Compile(p)
	if compiled == nil {
		return fmt.Errorf("%s: %w", s.File, &rego.CompileError{Problems: problems})
	}
	one := trial{suite: s, policy: p, compiled: compiled, options: o, covered: cover.New()}
	for _, c := range s.Cases {
		r.add(one.run(ctx, c))
	}
	if o.Coverage {
		r.cover(p, one.covered, one.hit)
	}
	if len(s.Tests) > 0 {
		return r.regoTests(ctx, s, p, o)
	}
	return nil
}

// find gives a suite's policy, lowered where it can be.
func find(s Suite, o Options) (model.RegoPolicy, error) {
	if s.Policy.Object != "" {
		if o.Object == nil {
			return model.RegoPolicy{}, fmt.Errorf("policy %s: there is no mesh", s.Policy.Object)
		}
		var files []string
		for _, f := range s.Policy.Files {
			files = append(files, s.path(f))
		}
		return o.Object(s.Policy.Object, files)
	}
	p, err := s.inline()
	if err == nil && o.Lower != nil {
		p.Lowered = o.Lower(p)
	}
	return p, err
}

// trial is a policy that cases are tried on.
type trial struct {
	suite    Suite
	policy   model.RegoPolicy
	compiled *rego.Policy
	options  Options
	covered  *cover.Cover
	hit      map[string]int // lowered rules, by name
}

func (t *trial) run(ctx context.Context, c Case) Result {
	out := Result{File: t.suite.File, Name: c.Name, Policy: t.policy.Object.String(), Placement: model.Daemon}
	request, err := c.Request.Plain()
	if err != nil {
		out.Why = []string{err.Error()}
		return out
	}
	var tracers []topdown.QueryTracer
	if t.options.Coverage {
		tracers = append(tracers, t.covered)
	}
	began := time.Now()
	answer := t.compiled.Evaluate(ctx, rego.NewInput(c.Request.check(request, t.policy.MaxBody), request.Declared...), tracers...)
	out.Duration = time.Since(began)
	out.Why = c.Want.differences(answer)
	if n, ok := t.native(request, c.Request.Claims); ok {
		out.Rule = n.Rule
		if n.Verdict != model.VerdictAsk {
			out.Placement = model.Native
			out.Why = append(out.Why, n.disagrees(answer)...)
		}
	}
	if want := c.Want.Placement; want != "" && want != out.Placement {
		out.Why = append(out.Why, fmt.Sprintf("it is decided by %s, not %s", out.Placement, want))
	}
	out.Passed = len(out.Why) == 0
	return out
}

// native asks the lowered rules.
func (t *trial) native(r rego.Request, claims map[string]any) (Native, bool) {
	if t.policy.Lowered == nil || t.options.Decide == nil || len(t.policy.Lowered.Rules) == 0 {
		return Native{}, false
	}
	n := t.options.Decide(t.policy.Lowered, r, claims)
	if t.hit == nil {
		t.hit = map[string]int{}
	}
	t.hit[n.Rule]++
	return n, true
}

// differences says in what an answer is not the wanted one.
func (w Want) differences(a rego.Answer) []string {
	var out []string
	differs := func(what string, want, got any) {
		out = append(out, fmt.Sprintf("%s is %v, not %v", what, got, want))
	}
	if w.Allowed != a.Allowed {
		differs("allowed", w.Allowed, a.Allowed)
	}
	if w.Status != 0 && w.Status != a.Status {
		differs("status", w.Status, a.Status)
	}
	if w.Body != nil && *w.Body != a.Body {
		differs("body", fmt.Sprintf("%q", *w.Body), fmt.Sprintf("%q", a.Body))
	}
	for name, value := range w.Headers {
		if got := headerOf(a.Headers, name); got != value {
			differs("header "+name, fmt.Sprintf("%q", value), fmt.Sprintf("%q", got))
		}
	}
	failure := rego.FailureKind("")
	if a.Failure != nil {
		failure = a.Failure.Kind
	}
	switch {
	case w.Failure != "" && failure != w.Failure:
		differs("failure", w.Failure, cmp.Or(string(failure), "none"))
	case w.Allowed != a.Allowed && failure != "":
		out = append(out, "the policy has no verdict: "+a.Failure.String())
	}
	return out
}

// disagrees says in what the proxy's answer is not the policy's whole one.
func (n Native) disagrees(a rego.Answer) []string {
	said := "the lowered rule " + n.Rule
	switch {
	case (n.Verdict == model.VerdictAllow) != a.Allowed:
		return []string{fmt.Sprintf("%s says %s, OPA allowed=%v: this is a bug of Krater", said, n.Verdict, a.Allowed)}
	case a.Allowed && (len(a.Headers)+len(a.ResponseHeaders)+len(a.RemoveHeaders)+len(a.SetQuery)+len(a.RemoveQuery)+len(a.Metadata) > 0):
		return []string{said + " allows, OPA also changes the request: this is a bug of Krater"}
	case a.Allowed:
		return nil
	}
	status := int(n.Answer.Status)
	if status == 0 {
		status = http.StatusForbidden
	}
	if status != a.Status || n.Answer.Body != a.Body || len(n.Answer.Headers) != len(a.Headers) {
		return []string{fmt.Sprintf("%s denies with %d and another answer than OPA's %d: this is a bug of Krater", said, status, a.Status)}
	}
	return nil
}

func headerOf(headers []rego.Header, name string) string {
	var values []string
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, h.Value)
		}
	}
	return strings.Join(values, ",")
}
