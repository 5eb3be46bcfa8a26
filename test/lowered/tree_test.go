package lowered_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
	"github.com/krater-mesh/krater/xds/translate"
)

// linear is what rules mean: the first that holds. It gives all the rules of
// that answer that hold, of which a proxy may name any.
func linear(l *model.Lowered, v view) (answer string, rules []string) {
	for _, r := range l.Rules {
		if !holdsOf(r.When, v) {
			continue
		}
		said := string(r.Verdict)
		if r.Answer > 0 {
			said += fmt.Sprintf("#%d", r.Answer)
		}
		if answer == "" {
			answer = said
		}
		if said == answer {
			rules = append(rules, r.Rule)
		}
	}
	if answer == "" {
		return "ask", []string{""}
	}
	return answer, append(rules, "")
}

func holdsOf(p model.Predicate, v view) bool {
	is := func(p model.Predicate) bool { return holdsOf(p, v) }
	switch p.Op {
	case model.OpAll:
		return !slices.ContainsFunc(p.Of, func(p model.Predicate) bool { return !is(p) })
	case model.OpAny:
		return slices.ContainsFunc(p.Of, is)
	case model.OpNot:
		return !is(p.Of[0])
	}
	value, there := "", true
	switch p.Test.Input.Kind {
	case model.InputHeader:
		value, there = v.headers[p.Test.Input.Name], false
		_, there = v.headers[p.Test.Input.Name]
	case model.InputPath:
		value = v.path
	case model.InputSourceAddress:
		value = v.address
	case model.InputClaim:
		if there = v.role != nil; there {
			value = *v.role
		}
	}
	if !there {
		return false
	}
	if p.Test.How == model.TestPresent {
		return true
	}
	return slices.ContainsFunc(p.Test.Values, func(one string) bool {
		switch p.Test.How {
		case model.TestIn:
			return value == one
		case model.TestPrefix:
			return strings.HasPrefix(value, one)
		case model.TestSuffix:
			return strings.HasSuffix(value, one)
		case model.TestContains:
			return strings.Contains(value, one)
		case model.TestRegex:
			return wholly(one, value)
		}
		address, bits, _ := strings.Cut(one, "/")
		var n uint32
		fmt.Sscan(bits, &n)
		return within(value, address, n)
	})
}

// drawer draws rules of which many hold at once, and requests that they are
// about.
type drawer struct{ *rand.Rand }

func (d drawer) one(of ...string) string { return of[d.IntN(len(of))] }

func (d drawer) text() string {
	return d.one("a", "ab", "abc", "b", "bc", "c", "ca", "d", "x.y", "e", "f")
}

func (d drawer) path() string {
	out := ""
	for range 1 + d.IntN(4) {
		out += "/" + d.one("a", "b", "ab", "c")
	}
	return out
}

func (d drawer) network() string {
	return d.one("127.0.0.0/8", "127.0.0.0/16", "127.0.1.0/24", "127.0.1.4/30", "127.0.1.5/32", "127.0.0.0/24", "127.0.2.0/24", "127.0.2.1/32", "0.0.0.0/0", "127.1.0.0/16", "127.0.3.0/24")
}

func (d drawer) values(draw func() string) []string {
	out := []string{draw()}
	for d.IntN(3) == 0 {
		out = append(out, draw())
	}
	if d.IntN(40) == 0 && !strings.Contains(out[0], ".0.") { // worth a tree of its own
		for range 20 {
			out = append(out, draw()+draw())
		}
	}
	return out
}

func (d drawer) test() model.Predicate {
	ops := []model.TestOp{model.TestIn, model.TestIn, model.TestIn, model.TestPrefix, model.TestPrefix, model.TestSuffix, model.TestContains, model.TestPresent}
	how := ops[d.IntN(len(ops))]
	values := func(draw func() string) []string {
		if how == model.TestPresent {
			return nil
		}
		return d.values(draw)
	}
	switch d.IntN(7) {
	case 0, 1:
		return testOf(model.InputHeader, d.one("x-a", "x-b"), how, values(d.text)...)
	case 2, 3:
		return testOf(model.InputPath, "", how, values(d.path)...)
	case 4, 5:
		return testOf(model.InputSourceAddress, "", model.TestCIDR, d.values(d.network)...)
	}
	how = ops[d.IntN(5)]
	return claimTest(how, []string{"role"}, d.values(d.text)...)
}

func (d drawer) predicate(depth int) model.Predicate {
	n := d.IntN(10)
	switch {
	case depth == 0 || n < 4:
		return d.test()
	case n == 4:
		return negated(d.predicate(depth - 1))
	}
	out := model.Predicate{Op: model.OpAll}
	if n > 7 {
		out.Op = model.OpAny
	}
	for range d.IntN(4) {
		out.Of = append(out.Of, d.predicate(depth-1))
	}
	return out
}

func (d drawer) maybeNegated(p model.Predicate) model.Predicate {
	if d.IntN(2) == 0 {
		return negated(p)
	}
	return p
}

func (d drawer) lowered() *model.Lowered {
	out := &model.Lowered{Answers: []model.LoweredAnswer{{Status: 404}}}
	alike, networks := d.IntN(2) == 0, d.IntN(3) == 0 // rules that nearly all have a key in common
	for i := range 1 + d.IntN(50) {
		r := model.LoweredRule{Rule: fmt.Sprintf("r%d", i), Verdict: model.VerdictAllow, When: d.predicate(2)}
		switch {
		case !alike || d.IntN(8) == 0:
		case networks:
			r.When = all(testOf(model.InputSourceAddress, "", model.TestCIDR, d.values(d.network)...), d.maybeNegated(testOf(model.InputSourceAddress, "", model.TestCIDR, d.values(d.network)...)), r.When)
		default:
			r.When = all(testOf(model.InputPath, "", model.TestPrefix, d.values(d.path)...), r.When)
		}
		switch d.IntN(8) {
		case 0:
			r.Verdict = model.VerdictAsk
		case 1, 2:
			r.Verdict = model.VerdictDeny
		case 3:
			r.Verdict, r.Answer = model.VerdictDeny, 1
		}
		if d.IntN(3) > 0 && len(out.Rules) > 0 { // answers come in blocks
			last := out.Rules[len(out.Rules)-1]
			r.Verdict, r.Answer = last.Verdict, last.Answer
		}
		out.Rules = append(out.Rules, r)
	}
	return out
}

func (d drawer) view() view {
	v := view{headers: map[string]string{}, path: d.path(), address: d.one("127.0.1.5", "127.0.1.4", "127.0.1.1", "127.0.2.1", "127.0.3.1", "127.1.0.1", "127.0.0.1")}
	for _, name := range []string{"x-a", "x-b"} {
		if d.IntN(4) > 0 {
			v.headers[name] = d.text()
		}
	}
	if d.IntN(3) > 0 {
		role := d.text()
		v.role = &role
	}
	return v
}

// matcherOf is the matcher that a policy's rules become.
func matcherOf(t testing.TB, l *model.Lowered) *rbacv3.RBAC {
	w := model.Workload{Namespace: "d", Name: "w", Address: "127.9.0.1", Ports: []model.WorkloadPort{{Number: 80, AppPort: 81, Protocol: model.HTTP}}}
	p := loweredPolicy("p", l)
	p.Object = model.Ref{Kind: "RegoPolicy", Namespace: "d", Name: "p"}
	snap := &model.Snapshot{Mesh: model.Mesh{Domain: "cluster.local", TrustDomain: "td"}, Workloads: []model.Workload{w}, Rego: []*model.RegoPolicy{&p}}
	snap.Seal()
	filters, problems := translate.AuthorizationFilters(snap, w, translate.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, f := range filters {
		if out := (&rbacv3.RBAC{}); f.TypedConfig.MessageIs(out) {
			if err := f.TypedConfig.UnmarshalTo(out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatalf("no classification in %v", filters)
	return nil
}

// TestTreesMeanTheirRules: however rules are put into trees, the answer is that
// of the first that holds.
func TestTreesMeanTheirRules(t *testing.T) {
	trees, estimated, size := 0, 0, 0
	for seed := range uint64(600) {
		d := drawer{rand.New(rand.NewPCG(seed, 7))}
		l := d.lowered()
		m := matcherOf(t, l).ShadowMatcher
		estimated, size = estimated+int(l.Bytes()), size+proto.Size(m)
		if about := int(l.Bytes()); proto.Size(m) > 4*about+1000 {
			t.Errorf("seed %d: %d bytes, %d were estimated", seed, proto.Size(m), about)
		}
		if strings.Contains(m.String(), "matcher_tree") {
			trees++
		}
		for range 60 {
			v := d.view()
			name, ok := interpreter{t, v}.match(m)
			answer, rule, _ := strings.Cut(name, "|")
			want, rules := linear(l, v)
			if !ok || answer != want || !slices.Contains(rules, rule) {
				t.Fatalf("seed %d, %+v: the matcher says %q, the rules %s by one of %v", seed, v, name, want, rules)
			}
		}
	}
	// Sets that are in no tree are taken for what they would be in one.
	if estimated < size*2/3 || estimated > size*4 {
		t.Errorf("all are %d bytes, %d were estimated", size, estimated)
	}
	if trees < 300 {
		t.Errorf("only %d of 600 became trees", trees)
	}
}

// TestTreesInARealEnvoy is the same, of fewer, in Envoy.
func TestTreesInARealEnvoy(t *testing.T) {
	r := envoyrunner.Start(t, harness.Builtin(t))
	var drawn []*model.Lowered
	var units []envoyrunner.Unit
	for seed := range uint64(60) {
		l := drawer{rand.New(rand.NewPCG(seed, 7))}.lowered()
		for i := range l.Rules {
			if l.Rules[i].Verdict == model.VerdictAsk { // told from a denial
				l.Rules[i].Verdict, l.Rules[i].Answer = model.VerdictDeny, 2
			}
		}
		l.Answers = append(l.Answers, model.LoweredAnswer{Status: 409})
		l.Rules = append(l.Rules, model.LoweredRule{Rule: "last", Verdict: model.VerdictDeny, Answer: 2, When: all()})
		drawn = append(drawn, l)
		units = append(units, envoyrunner.Unit{Rego: []model.RegoPolicy{loweredPolicy("p", l)}})
	}
	for _, p := range r.Publish(units...) {
		t.Error(p)
	}
	client := r.Client()
	status := map[string]int{"allow": 200, "deny": 403, "deny#1": 404, "deny#2": 409}
	seen := map[int]int{}
	for i, l := range drawn {
		d := drawer{rand.New(rand.NewPCG(uint64(i), 11))}
		for range 40 {
			v := d.view()
			q := policycases.Request{Path: v.path, Source: policycases.Endpoint{Address: v.address}}
			for name, value := range v.headers {
				q.Headers = append(q.Headers, name+": "+value)
			}
			if v.role != nil {
				q.Claims = map[string]any{"role": *v.role}
			}
			a, err := client.Send(i, q)
			if err != nil {
				t.Fatal(err)
			}
			if want, _ := linear(l, v); a.Status != status[want] {
				t.Errorf("policy %d, %+v: %d, want %s", i, v, a.Status, want)
			}
			seen[a.Status]++
		}
	}
	for _, s := range status {
		if seen[s] == 0 {
			t.Errorf("never %d: %v", s, seen)
		}
	}
}
