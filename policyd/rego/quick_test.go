package rego

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// quickDraw draws modules full of aliases, and of what nearly is one.
type quickDraw struct{ *rand.Rand }

func (d quickDraw) of(list ...string) string { return list[d.IntN(len(list))] }

func (d quickDraw) member() string { return d.of("a", "b", "c", "d") }

// name is an alias, or what nearly is one; path leads into it.
func (d quickDraw) name() string {
	return d.of("n0", "n1", "n2", "n3", "n4", "data.q.other", "data.p.n0", "data.p.n1", "data.p[\"n2\"]", "input", "input.a")
}

func (d quickDraw) path() string {
	out := d.name()
	for range d.IntN(3) {
		out += d.of("."+d.member(), "[\""+d.member()+"\"]", "."+d.member())
	}
	return out
}

func (d quickDraw) aliases(b *strings.Builder, first, last int) {
	for i := first; i <= last; i++ {
		target := d.of("input", "input."+d.member(), "input."+d.member()+"."+d.member(), fmt.Sprintf("n%d", max(i-1, 0)), fmt.Sprintf("n%d.%s", max(i-1, 0), d.member()))
		if i == 0 {
			target = d.of("input", "input."+d.member(), "input[\"a\"]")
		}
		switch d.IntN(12) {
		case 0:
			fmt.Fprintf(b, "n%d := %s if input.%s\n", i, target, d.member())
		case 1:
			fmt.Fprintf(b, "default n%d := {\"a\": 1}\n\nn%d := %s\n", i, i, target)
		case 2:
			fmt.Fprintf(b, "n%d := %s if input.a\nelse := input.b\n", i, target)
		case 3:
			fmt.Fprintf(b, "n%d := %s\n\nn%d := %s\n", i, target, i, d.of("input", "input."+d.member()))
		case 4:
			fmt.Fprintf(b, "n%d[k] := v if some k, v in input.%s\n", i, d.member())
		case 5:
			fmt.Fprintf(b, "n%d.a := input.%s\n\nn%d.b := input\n", i, d.member(), i)
		case 6:
			fmt.Fprintf(b, "n%d := x if {\n\tk := %q\n\tx := input[k]\n}\n", i, d.member())
		default:
			fmt.Fprintf(b, "n%d := %s\n", i, target)
		}
		b.WriteString("\n")
	}
}

func (d quickDraw) expression() string {
	p := d.path
	switch d.IntN(17) {
	case 0:
		return p()
	case 1:
		return "not " + p()
	case 2:
		return fmt.Sprintf("not %s == %q", p(), d.member())
	case 3:
		return fmt.Sprintf("%s == %s", p(), p())
	case 4:
		return fmt.Sprintf("some x in %s\n\tx == %s", p(), p())
	case 5:
		return fmt.Sprintf("%s[k] == %q", p(), d.member())
	case 6:
		return fmt.Sprintf("every k, v in %s { v != %s[k] }", p(), p())
	case 7:
		return fmt.Sprintf("count([x | x := %s[_]; x == %s]) < 2", p(), p())
	case 8:
		return fmt.Sprintf("count({k: v | v := %s[k]}) > %d", p(), d.IntN(2))
	case 9:
		return fmt.Sprintf("%s with input as %s", p(), d.of(p(), "{\"a\": "+p()+"}"))
	case 10:
		return fmt.Sprintf("f(%s, %s) with input.%s as %s", p(), p(), d.member(), p())
	case 11:
		return fmt.Sprintf("walk(%s, [k, %q])", p(), d.member())
	case 12:
		return fmt.Sprintf("[%s, %s] == [%s, %q]", p(), p(), p(), d.member())
	case 13:
		return fmt.Sprintf("%s[%s] == %q", d.name(), p(), d.member())
	case 14:
		return fmt.Sprintf("object.get(%s, %q, 1) == %s", p(), d.member(), d.of("1", p()))
	case 15:
		return fmt.Sprintf("startswith(%s, %q)", p(), d.member())
	}
	return fmt.Sprintf("%s == %s", p(), d.of("\"a\"", "\"b\"", "1", "true", "false", "null", "{}", "[]"))
}

func (d quickDraw) policy() model.RegoPolicy {
	var b strings.Builder
	b.WriteString("package p\n\n")
	d.aliases(&b, 0, 4)
	b.WriteString("f(x, y) if x == y\n\nf(x, _) if n0.a == x\n\n")
	var answers []string
	for i := range 4 + d.IntN(5) {
		for range 1 + d.IntN(3) {
			fmt.Fprintf(&b, "r%d := %s if {\n", i, d.of("1", "1", "1", "2"))
			for range 1 + d.IntN(2) {
				fmt.Fprintf(&b, "\t%s\n", d.expression())
			}
			b.WriteString("}\n\n")
		}
		answers = append(answers, fmt.Sprintf("\"r%d\": [x | x := r%d]", i, i))
	}
	fmt.Fprintf(&b, "first := %d if {\n\t%s\n} else := 1 if {\n\t%s\n}\n\n", d.IntN(2), d.expression(), d.expression())
	if d.IntN(6) == 0 { // a name that something else stands in for
		fmt.Fprintf(&b, "r0 := 1 if %s with data.p.n%d as input.%s\n\n", d.path(), d.IntN(5), d.member())
	}
	fmt.Fprintf(&b, "answer := {\"allowed\": true, \"dynamic_metadata\": {\"first\": [x | x := first], \"n\": [x | x := [n0, n3][_]], %s}}\n", strings.Join(answers, ", "))
	return model.RegoPolicy{Query: "data.p.answer", Modules: []model.RegoModule{
		{Name: "p.rego", Source: b.String()},
		{Name: "q.rego", Source: "package q\n\nother := data.p." + d.of("n0", "n2", "n4.a") + "\n"},
	}}
}

// document is of the names that policies look for.
func (d quickDraw) document(depth int) any {
	switch n := d.IntN(12); {
	case n < 6 && depth > 0:
		out := map[string]any{}
		for range d.IntN(5) {
			out[d.member()] = d.document(depth - 1)
		}
		return out
	case n < 7 && depth > 0:
		return []any{d.document(depth - 1), d.document(depth - 1)}
	}
	return []any{"a", "b", "c", true, false, nil, 1}[d.IntN(7)]
}

// TestQuickPoliciesAnswerAlike holds drawn policies, with their aliases written
// out, against themselves as they are written.
func TestQuickPoliciesAnswerAlike(t *testing.T) {
	const policies, documents = 400, 12
	d := quickDraw{rand.New(rand.NewPCG(7, 22))}
	compiled, rewritten, answers := 0, 0, map[string]int{}
	for range policies {
		policy := d.policy()
		written, problems := Compile(policy)
		quick, others := CompileQuick(policy)
		if diff := cmp.Diff(problems, others); diff != "" {
			t.Fatalf("the problems differ (-written +quick):\n%s\n%s", diff, policy.Modules[0].Source)
		}
		if written == nil {
			continue
		}
		compiled++
		if compiled%4 == 0 && changes(policy) {
			rewritten += 4
		}
		for range documents {
			document := d.document(3)
			want, got := written.EvaluateDocument(context.Background(), document), quick.EvaluateDocument(context.Background(), document)
			if diff := cmp.Diff(anywhere(want), anywhere(got)); diff != "" {
				t.Fatalf("the answers differ (-written +quick) for %v:\n%s\n%s", document, diff, policy.Modules[0].Source)
			}
			answers[fmt.Sprint(got.Metadata, got.Failure)]++
		}
	}
	t.Logf("%d policies compile, in %d something is written out; %d kinds of answers", compiled, rewritten, len(answers))
	if compiled < policies/3 || rewritten < policies/8 || len(answers) < 50 {
		t.Error("they are not worth it")
	}
}

// changes tells whether some alias of a policy is written out.
func changes(policy model.RegoPolicy) bool {
	written, quick := reporter{policy: policy}, reporter{policy: policy, quick: true}
	text := func(l *linked) string {
		var b strings.Builder
		for _, name := range []string{"p.rego", "q.rego"} {
			for _, r := range l.compiler.Modules[name].Rules {
				b.WriteString(r.Body.String())
			}
		}
		return b.String()
	}
	return text(written.link()) != text(quick.link())
}

// TestAliasIsFoundByTheIndex: of twenty rules one is evaluated.
func TestAliasIsFoundByTheIndex(t *testing.T) {
	var b strings.Builder
	b.WriteString("package authz\n\nimport input.attributes as all\n\nhttp := all.request.http\n\nheaders := http.headers\n\n")
	for i := range 20 {
		fmt.Fprintf(&b, "allow if {\n\thttp.method == \"GET\"\n\theaders[\"x-user\"] == \"user-%d\"\n}\n\n", i)
	}
	r := reporter{policy: ratings(b.String()), quick: true}
	l := r.link()
	document, err := NewInput(Request{Headers: []Header{{"x-user", "user-7"}}}.CheckRequest(0)).document(&bodyRules{}, everything)
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.compiler.RuleIndex(l.query).Lookup(resolver{document})
	if err != nil || len(found.Rules) != 1 {
		t.Errorf("%d rules are evaluated, %v", len(found.Rules), err)
	}
}

// resolver finds references in an input.
type resolver struct{ input ast.Value }

func (r resolver) Resolve(ref ast.Ref) (ast.Value, error) {
	v, err := r.input.Find(ref[1:])
	if err != nil {
		return nil, nil
	}
	return v, nil
}

// TestDocumentHasWhatIsNeeded draws what is read of full and empty requests,
// and holds the values at those places against the whole document's.
func TestDocumentHasWhatIsNeeded(t *testing.T) {
	d := quickDraw{rand.New(rand.NewPCG(3, 9))}
	full := fullRequest(t)
	rules := &bodyRules{max: 1 << 10}
	whole, err := NewInput(full).document(rules, everything)
	if err != nil {
		t.Fatal(err)
	}
	var paths [][]string
	var walk func(ast.Value, []string)
	walk = func(v ast.Value, at []string) {
		paths = append(paths, at, append(at[:len(at):len(at)], "nobody"))
		if o, ok := v.(ast.Object); ok {
			o.Foreach(func(k, v *ast.Term) { walk(v.Value, append(at[:len(at):len(at)], string(k.Value.(ast.String)))) })
		}
	}
	walk(whole, nil)
	for range 300 {
		n, read := &need{}, [][]string{}
		for range 1 + d.IntN(3) {
			path := paths[1+d.IntN(len(paths)-1)]
			read = append(read, path)
			n.add(path)
		}
		for _, r := range []*authv3.CheckRequest{full, Request{}.CheckRequest(100)} {
			want, err := NewInput(r, Declared{"user", "string", "anna"}).document(rules, everything)
			got, other := NewInput(r, Declared{"user", "string", "anna"}).document(rules, n)
			if err != nil || other != nil {
				t.Fatal(err, other)
			}
			for _, path := range read {
				if a, b := at(want, path), at(got, path); a != b {
					t.Errorf("needed %v: at %v there is %s, want %s", read, path, b, a)
				}
			}
		}
	}
}

// at is what a path leads to, "" for nothing.
func at(v ast.Value, path []string) string {
	var ref ast.Ref
	for _, name := range path {
		ref = append(ref, ast.StringTerm(name))
	}
	found, err := v.Find(ref)
	if err != nil {
		return ""
	}
	return found.String()
}

// TestNeedIsWhatReachableRulesName has an entry for each way of reading.
func TestNeedIsWhatReachableRulesName(t *testing.T) {
	for source, want := range map[string]string{
		"allow if input.a.b == 1":                                        "a.b",
		"allow if input.a[_].c == 1":                                     "a",
		"allow if input.a[0].c == 1":                                     "a",
		"allow if input[x] == 1":                                         "*",
		"allow if count(input) == 1":                                     "*",
		"allow if h.method == 1\n\nh := input.http":                      "http.method",
		"allow if input.a == 1\n\nother if input.b":                      "a",
		"allow if f(input.a)\n\nf(x) if input.b == x":                    "a b",
		"allow if x.y == 1 with input as {\"y\": input.q}\n\nx := input": "*",
		"allow if input.a\nelse := true if not input.b":                  "a b",
		"allow if count({1 | input.a.b[_] == input.c}) == 1":             "a.b c",
		"allow if every k in input.a { k == input.b.c }":                 "a b.c",
		"default allow := false\n\nallow := input.r.s":                   "r.s",
	} {
		r := reporter{policy: ratings("package authz\n\nimport rego.v1\n\n" + source + "\n"), quick: true}
		l := r.link()
		if l == nil {
			t.Fatal(source, r.problems)
		}
		if got := needOf(l.compiler, l.query).String(); got != want {
			t.Errorf("%s\nneeds %q, want %q", source, got, want)
		}
	}
}

// String gives the paths, "*" for all.
func (n *need) String() string {
	if n.all {
		return "*"
	}
	var out []string
	for name, of := range n.of {
		for _, below := range strings.Split(of.String(), " ") {
			out = append(out, strings.TrimSuffix(name+"."+below, ".*"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// anywhere leaves out where an evaluation failed: of several places that do it
// is the one that was looked at first.
func anywhere(a Answer) Answer {
	if a.Failure != nil {
		f := *a.Failure
		f.Detail, _, _ = strings.Cut(f.Detail, " at ")
		a.Failure = &f
	}
	return a
}
