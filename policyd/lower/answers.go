package lower

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// lower evaluates the query, and makes rules of what it comes to.
func (m *machine) lower() (out *model.Lowered) {
	out = &model.Lowered{}
	q, ok := m.query()
	if m.reads(out); !ok || m.policy.Lower == model.LowerNever {
		out.Stops = m.tooMuchStops(ok)
		return out
	}
	for limit := maxTest; ; limit /= 2 {
		w := writer{m: m, out: model.Lowered{Reads: out.Reads, ReadsAll: out.ReadsAll, Volatile: out.Volatile}, limit: limit}
		w.write(q)
		if w.size <= maxSize || limit < 1024 {
			return &w.out
		}
	}
}

const (
	maxTest = 512 << 10 // bytes of one test's values
	maxSize = 4 << 20   // bytes of a policy's rules: what a proxy takes is its own budget
)

func (m *machine) tooMuchStops(finished bool) []model.Stop {
	switch {
	case m.policy.Lower == model.LowerNever:
		return []model.Stop{{Why: "spec.lower is Never"}}
	case !finished:
		return []model.Stop{{Expression: m.policy.Query, Why: "it costs too much to work out"}}
	}
	return nil
}

// query is what the policy's query comes to.
type query struct {
	arms      []outcome
	at        []string // of each arm, the rule that gives it
	fallback  []outcome
	inner     *cond // when a rule that it reads comes to an error
	conflicts []conflict
}

// query evaluates; false: that is too much.
func (m *machine) query() (q query, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, much := r.(tooMuch); !much {
				m.fault = fmt.Sprint(r)
			}
			m.readsAll, ok = true, false
		}
	}()
	var errs []*cond
	s := state{when: always, errs: &errs}
	if n := m.linked.Compiler.RuleTree.Find(m.linked.Query); n != nil && len(n.Values) > 0 {
		e := m.extent(n, m.linked.Query)
		q = query{arms: e.arms[:e.own], at: e.at, fallback: e.arms[e.own:], inner: e.inner, conflicts: e.why}
	} else {
		m.ref(m.linked.Query, nil, s, func(s state, v value) { q.arms = append(q.arms, outcome{s.when, v}) })
		q.inner = or(errs...)
	}
	for _, o := range slices.Concat(q.arms, q.fallback) {
		m.use(o.v)
	}
	return q, true
}

// writer makes rules.
type writer struct {
	m     *machine
	out   model.Lowered
	limit int
	size  int
}

// malformedPath are the paths that policyd refuses to read: with a "%" that
// has no two digits behind it.
const malformedPath = anyByte + `%(?:[0-9A-Fa-f]?|[0-9A-Fa-f]?[^0-9A-Fa-f]` + anyByte + `)`

func (w *writer) write(q query) {
	path := newInput(model.ProxyInput{Kind: model.InputPath}, "input.parsed_path")
	w.failure("input", and(newTest(path, model.TestContains, "%"), newTest(path, model.TestRegex, malformedPath)))
	for _, key := range sorted(keysOf(w.m.guards)) {
		w.rule("guard", w.m.guards[key], model.VerdictAsk, 0)
	}
	if q.inner.op != condFalse {
		w.ask("conflict", q.inner)
		if w.stops(q.inner); len(w.out.Stops) == 0 {
			w.stop(&model.Stop{Expression: w.m.policy.Query, Why: "a rule that it reads may come to two values: it is not seen that only one of them holds"}, q.inner)
		}
	}
	for _, c := range q.conflicts {
		w.failure("conflict", w.must(c.when))
		w.ask("conflict", c.when)
	}
	for i, o := range q.arms {
		w.arm(o, q.at, i)
	}
	for _, o := range q.arms {
		w.ask("ask", o.when)
	}
	for _, o := range q.fallback {
		w.verdict("default", always, o)
		return
	}
	w.failure("undefined", always)
}

// arm writes when one value is certain.
func (w *writer) arm(o outcome, at []string, i int) {
	name := "query"
	if i < len(at) {
		name = at[i]
	}
	w.verdict(name, w.must(o.when), o)
}

// verdict writes a rule for a value; where the value is no constant, it is
// asked about.
func (w *writer) verdict(name string, when *cond, o outcome) {
	if when.op == condFalse {
		return
	}
	g, ok := answerValue(o.v)
	if !ok {
		w.rule("ask", when, model.VerdictAsk, 0)
		w.stop(stopAt(nil, w.m.policy.Query, "the answer is made of the request"), when)
		return
	}
	a := rego.AnswerOf(g, w.m.policy.Failure)
	switch {
	case len(a.Metadata) > 0:
		w.rule("ask", when, model.VerdictAsk, 0)
		w.stop(stopAt(nil, w.m.policy.Query, "the answer has dynamic metadata"), when)
	case a.Allowed && len(a.Headers)+len(a.ResponseHeaders)+len(a.RemoveHeaders)+len(a.SetQuery)+len(a.RemoveQuery) > 0:
		w.rule("ask", when, model.VerdictAsk, 0)
		w.stop(stopAt(nil, w.m.policy.Query, "the answer changes the request, or its response"), when)
	case a.Allowed:
		w.rule(name, when, model.VerdictAllow, 0)
	default:
		w.rule(name, when, model.VerdictDeny, w.denial(a))
	}
}

// denial is the index of a denial's answer, from 1; 0 is a plain one.
func (w *writer) denial(a rego.Answer) int {
	if a.Status == 403 && a.Body == "" && len(a.Headers) == 0 {
		return 0
	}
	answer := model.LoweredAnswer{Status: uint32(a.Status), Body: a.Body}
	for _, h := range a.Headers {
		answer.Headers = append(answer.Headers, model.HeaderText{Name: h.Name, Value: h.Value})
	}
	for i, had := range w.out.Answers {
		if had.Status == answer.Status && had.Body == answer.Body && slices.Equal(had.Headers, answer.Headers) {
			return i + 1
		}
	}
	w.out.Answers = append(w.out.Answers, answer)
	return len(w.out.Answers)
}

// failure writes the answer of what has no verdict.
func (w *writer) failure(name string, when *cond) {
	verdict := model.VerdictDeny
	if w.m.policy.Failure == model.FailOpen {
		verdict = model.VerdictAllow
	}
	w.rule(name, when, verdict, 0)
}

// ask writes that requests for which a condition may hold, and is not certain
// to, are asked about.
func (w *writer) ask(name string, when *cond) {
	if may := w.may(when); may.op != condFalse && (name == "conflict" || w.unsure(when)) {
		w.rule(name, may, model.VerdictAsk, 0)
		w.stops(when)
	}
}

func (w *writer) rule(name string, when *cond, verdict model.Verdict, answer int) {
	if when.op == condFalse {
		return
	}
	if n := len(w.out.Rules); n > 0 {
		if last := w.out.Rules[n-1].When; last.Op == model.OpAll && len(last.Of) == 0 {
			return // nothing reaches it
		}
	}
	p := w.predicate(when)
	w.out.Rules = append(w.out.Rules, model.LoweredRule{Rule: name, When: p, Verdict: verdict, Answer: answer})
}

func (w *writer) predicate(c *cond) model.Predicate {
	w.size += 64
	switch c.op {
	case condTrue:
		return model.Predicate{Op: model.OpAll}
	case condFalse:
		return model.Predicate{Op: model.OpAny}
	case condTest:
		for _, v := range c.test.values {
			w.size += len(v) + 8
		}
		return model.Predicate{Op: model.OpTest, Test: &model.Test{Input: c.test.in.ProxyInput, How: c.test.how, Values: c.test.values}}
	case condNotTest:
		return model.Predicate{Op: model.OpNot, Of: []model.Predicate{w.predicate(not(c))}}
	}
	op := model.OpAll
	if c.op == condOr {
		op = model.OpAny
	}
	of := make([]model.Predicate, len(c.of))
	for i, x := range c.of {
		of[i] = w.predicate(x)
	}
	return model.Predicate{Op: op, Of: of}
}

// stop notes what keeps the policy from being decided whole.
func (w *writer) stop(s *model.Stop, when *cond) {
	if w.may(when).op == condFalse {
		return
	}
	if s.Module == "" && len(w.m.linked.Compiler.RuleTree.Children) > 0 {
		for _, r := range w.m.linked.Compiler.GetRulesExact(w.m.linked.Query) {
			s.Module, s.Line = r.Location.File, r.Location.Row
			break
		}
	}
	if !slices.Contains(w.out.Stops, *s) {
		w.out.Stops = append(w.out.Stops, *s)
	}
	slices.SortFunc(w.out.Stops, func(a, b model.Stop) int {
		return cmp.Or(cmp.Compare(a.Module, b.Module), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Expression, b.Expression), cmp.Compare(a.Why, b.Why))
	})
}

// ruleName is what decides, as reports have it.
func ruleName(r *ast.Rule) string {
	if r == nil || r.Location == nil {
		return "query"
	}
	return fmt.Sprintf("%s:%d", path.Base(r.Location.File), r.Location.Row)
}

func keysOf(m map[string]*cond) map[string]bool {
	out := make(map[string]bool, len(m))
	for k := range m {
		out[k] = true
	}
	return out
}
