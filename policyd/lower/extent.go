package lower

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// extent is what a rule, or a call of a function, comes to: its values, each
// with when it is that, and when evaluating it is an error.
type extent struct {
	arms  []outcome // the last ones are the default's
	own   int       // how many are not
	at    []string  // of each of those the rule that gives it
	errs  *cond     // inner, and the conflicts
	inner *cond     // of rules that it reads
	why   []conflict
}

// conflict is when two values of one rule hold.
type conflict struct {
	when *cond
	at   *ast.Location
}

func (m *machine) enter() {
	if m.depth++; m.depth > maxDepth {
		panic(tooMuch{})
	}
}

// extent evaluates the rules at one place, once.
func (m *machine) extent(n *ast.TreeNode, path ast.Ref) *extent {
	if e := m.rules[n]; e != nil {
		return e
	}
	m.enter()
	var e *extent
	switch first := n.Values[0]; {
	case len(first.Head.Args) > 0:
		e = unknownExtent(first, "a function, without its arguments")
	case len(n.Children) > 0 || !alike(n.Values, path):
		e = unknownExtent(first, "rules with variables in their names")
	case first.Head.RuleKind() == ast.MultiValue:
		e = m.partial(n.Values, 's')
	case len(first.Ref()) > len(path):
		e = m.partial(n.Values, 'o')
	default:
		e = m.complete(n.Values, nil)
	}
	m.depth--
	m.rules[n] = e
	return e
}

// alike tells whether all rules are of one kind, with at most one variable in
// their names.
func alike(rules []*ast.Rule, path ast.Ref) bool {
	first := rules[0].Head
	for _, r := range rules {
		if r.Head.RuleKind() != first.RuleKind() || len(r.Ref()) != len(rules[0].Ref()) {
			return false
		}
		extra := len(r.Ref().GroundPrefix())
		switch {
		case r.Head.RuleKind() == ast.MultiValue && (extra != len(path) || len(r.Ref()) != len(path)):
			return false
		case len(r.Ref()) > len(path)+1:
			return false
		}
	}
	return true
}

func unknownExtent(r *ast.Rule, why string) *extent {
	stop := stopAt(r.Location, r.Head.Name.String(), why)
	return &extent{arms: []outcome{{stopped(stop), opaque{stop}}}, own: 1, inner: stopped(stop), errs: stopped(stop)}
}

// function evaluates a call of a function of the policy's.
func (m *machine) function(c call) *extent {
	id := c.op.String()
	keyed := true
	for _, a := range c.args {
		k, ok := valueKey(a)
		keyed = keyed && ok
		id += "\x00" + k
	}
	if e := m.calls[id]; e != nil && keyed {
		return e
	}
	m.enter()
	e := m.complete(m.linked.Compiler.GetRulesExact(c.op), c.args)
	m.depth--
	if keyed {
		m.calls[id] = e
	}
	return e
}

// complete evaluates rules of which each gives the one value.
func (m *machine) complete(rules []*ast.Rule, args []value) *extent {
	var arms, fallback []outcome
	var errs, all []*cond
	at := map[int]*ast.Rule{}
	for _, r := range rules {
		if r.Default {
			fallback = m.ruleOutcomes(r, args, &errs)
			continue
		}
		var before []*cond
		for e := r; e != nil; e = e.Else {
			list := m.ruleOutcomes(e, args, &errs)
			earlier := not(or(before...))
			for _, o := range list {
				at[len(arms)] = e
				arms = append(arms, outcome{and(earlier, o.when), o.v})
				before, all = append(before, o.when), append(all, o.when)
			}
		}
	}
	arms, names, conflicts := m.merge(arms, at)
	e := &extent{why: conflicts, own: len(arms), at: names, inner: or(errs...)}
	for _, c := range conflicts {
		errs = append(errs, c.when)
	}
	for _, o := range fallback {
		arms = append(arms, outcome{and(not(or(all...)), o.when), o.v})
	}
	e.arms, e.errs = arms, or(errs...)
	return e
}

// ruleOutcomes evaluates one body, and its head's value.
func (m *machine) ruleOutcomes(r *ast.Rule, args []value, errs *[]*cond) []outcome {
	var out []outcome
	before := m.looks
	s := state{when: always, errs: errs}
	run := func(s state) {
		m.body(r.Body, s, func(s state) {
			if r.Head.Value == nil {
				out = append(out, outcome{s.when, boolean(true)})
				return
			}
			m.eval(r.Head.Value, s, func(s state, v value) { out = append(out, outcome{s.when, v}) })
		})
	}
	if len(args) == 0 {
		run(s)
	} else {
		m.matchAll(ast.NewArray(r.Head.Args...), args, s, run)
	}
	for i := range out {
		out[i].when, out[i].v = closeValue(out[i].when, out[i].v, before)
	}
	return slices.DeleteFunc(out, func(o outcome) bool { return o.when.op == condFalse })
}

// merge makes one arm of those with one value, and finds where two hold.
func (m *machine) merge(arms []outcome, at map[int]*ast.Rule) ([]outcome, []string, []conflict) {
	type group struct {
		v     value
		whens []*cond
		rule  *ast.Rule
	}
	var order []*group
	groups := map[string]*group{}
	for i, o := range arms {
		k, ok := valueKey(o.v)
		k = ruleName(at[i]) + " " + k
		g := groups[k]
		if !ok || g == nil {
			g = &group{v: o.v, rule: at[i]}
			order = append(order, g)
			if ok {
				groups[k] = g
			}
		}
		g.whens = append(g.whens, o.when)
	}
	out, names, keys := make([]outcome, len(order)), make([]string, len(order)), make([]string, len(order))
	for i, g := range order {
		out[i], names[i] = outcome{or(g.whens...), g.v}, ruleName(g.rule)
		k, ok := valueKey(g.v)
		if keys[i] = k; !ok {
			keys[i] = "?" + intText(i)
		}
	}
	var conflicts []conflict
	if len(slices.Compact(slices.Clone(keys))) < 2 || separate(out) {
		return out, names, nil
	}
	for i := range out {
		for j := range i {
			if m.step(); keys[i] == keys[j] {
				continue
			}
			both := overlap(out[i].when, out[j].when)
			if both.op == condFalse {
				continue
			}
			conflicts = append(conflicts, conflict{both, order[i].rule.Location})
		}
	}
	return out, names, conflicts
}

// partial evaluates rules that each add to a set, or to an object.
func (m *machine) partial(rules []*ast.Rule, kind byte) *extent {
	out := bag{kind: kind}
	var errs []*cond
	for _, r := range rules {
		before := m.looks
		var list []member
		m.body(r.Body, state{when: always, errs: &errs}, func(s state) {
			m.eval(r.Head.Key, s, func(s state, key value) {
				if kind == 's' {
					list = append(list, member{when: s.when, v: key})
					return
				}
				m.eval(r.Head.Value, s, func(s state, v value) { list = append(list, member{s.when, key, v}) })
			})
		})
		for _, one := range list {
			when := one.when
			one.when, one.v = closeValue(when, one.v, before)
			if kind == 'o' {
				var more *cond
				more, one.key = closeValue(when, one.key, before)
				one.when = and(one.when, more)
			}
			if one.when.op != condFalse {
				out.members = append(out.members, one)
			}
		}
	}
	if kind == 'o' {
		errs = append(errs, m.keyConflicts(out.members)...)
	}
	v := value(out)
	if g, ok := ground(out); ok {
		v = known{g}
	}
	return &extent{arms: []outcome{{always, v}}, own: 1, inner: or(errs...), errs: or(errs...)}
}

// keyConflicts are where one key has two values.
func (m *machine) keyConflicts(members []member) []*cond {
	byKey := map[string][]member{}
	var loose []member
	for _, one := range members {
		if k, ok := one.key.(known); ok {
			byKey[k.v.String()] = append(byKey[k.v.String()], one)
		} else {
			loose = append(loose, one)
		}
	}
	var out []*cond
	clash := func(a, b member) {
		m.step()
		ka, ok1 := valueKey(a.v)
		kb, ok2 := valueKey(b.v)
		if ok1 && ok2 && ka == kb {
			return
		}
		if c := overlap(and(a.when, m.equal(a.key, b.key)), b.when); c.op != condFalse {
			out = append(out, c)
		}
	}
	for _, list := range byKey {
		for i := range list {
			for j := range i {
				clash(list[i], list[j])
			}
		}
	}
	for i, a := range loose {
		for _, b := range loose[:i] {
			clash(a, b)
		}
		for _, list := range byKey {
			for _, b := range list {
				clash(a, b)
			}
		}
	}
	return out
}
