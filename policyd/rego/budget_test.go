package rego

import (
	"context"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// small are the built-ins whose results are small, or parts of what they are
// given, or are made step by step.
var small = strings.Fields(`all any array.flatten assign base64.is_valid cast_boolean cast_null cast_object cast_string contains count
	crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512 crypto.md5 crypto.sha1 crypto.sha256
	endswith eq equal glob.match gt gte indexof internal.member_2 internal.member_3 internal.print internal.test_case
	io.jwt.verify_eddsa io.jwt.verify_es256 io.jwt.verify_es384 io.jwt.verify_es512 io.jwt.verify_hs256 io.jwt.verify_hs384 io.jwt.verify_hs512
	io.jwt.verify_ps256 io.jwt.verify_ps384 io.jwt.verify_ps512 io.jwt.verify_rs256 io.jwt.verify_rs384 io.jwt.verify_rs512
	is_array is_boolean is_null is_number is_object is_set is_string lt lte neq
	net.cidr_contains net.cidr_expand net.cidr_intersects net.cidr_is_valid net.cidr_overlap object.get object.subset opa.runtime print
	re_match regex.globs_match regex.is_valid regex.match regex.template_match rego.metadata.chain rego.metadata.rule
	semver.compare semver.is_valid startswith strings.any_prefix_match strings.any_suffix_match strings.count
	time.add_date time.clock time.date time.diff time.now_ns time.parse_duration_ns time.parse_ns time.parse_rfc3339_ns time.weekday
	to_number trace type_name uri.is_valid uuid.parse uuid.rfc4122 walk`)

// TestEveryBuiltInIsBounded: a built-in that comes with another OPA is looked
// at before it is let in.
func TestEveryBuiltInIsBounded(t *testing.T) {
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		if growths[b.Name] == nil && !slices.Contains(small, b.Name) && !forbidden[b.Name] {
			t.Errorf("%s: is its result bounded? add it to growths, or to small", b.Name)
		}
	}
}

// allocated is what has been allocated since the start.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestHungryPolicies: each of them would take gigabytes.
func TestHungryPolicies(t *testing.T) {
	const memory = 8 << 20
	for name, body := range map[string]string{
		"list":      `x := [i | some i in numbers.range(1, 1000000000)]; count(x) > 0`,
		"range":     `count(numbers.range(1, 1000000000)) > 0`,
		"cross":     `n := numbers.range(1, 10000); count([[a, b] | some a in n; some b in n]) > 0`,
		"addresses": `count(net.cidr_expand("10.0.0.0/8")) > 0`,
		"shift":     `bits.lsh(1, 100000000000) > 0`,
		"texts":     `a := concat("", [sprintf("%1000d", [1]) | some i in numbers.range(1, 1000)]); b := replace(a, " ", a); b != ""`,
		"width":     `s := concat("", ["%1000000d" | some i in numbers.range(1, 500)]); sprintf(s, [1]) != ""`,
		"template":  `strings.render_template("{{range .a}}{{range $.a}}{{range $.a}}x{{end}}{{end}}{{end}}", {"a": numbers.range(1, 10000)}) != ""`,
		"paths":     `g := {i: numbers.range(0, 29) | some i in numbers.range(0, 29)}; count(graph.reachable_paths(g, [0])) > 0`,
		"copies":    `b := input.attributes.request.http.body; count([u | some i in numbers.range(1, 100000); u := upper(sprintf("%s%d", [b, i]))]) > 0`,
	} {
		t.Run(name, func(t *testing.T) {
			rule := "allow if { " + body + " }"
			policy := model.RegoPolicy{Query: "data.p.allow", Failure: model.FailClosed, Timeout: model.Duration(20 * time.Second), MaxBody: 1 << 20, Memory: memory,
				Modules: []model.RegoModule{{Name: "p", Source: "package p\n\n" + rule}}}
			compiled, problems := Compile(policy)
			if compiled == nil {
				t.Fatal(problems)
			}
			r := Request{Method: "POST", Body: []byte(strings.Repeat("a", 100_000))}.CheckRequest(policy.MaxBody)
			before := allocated()
			a := compiled.Evaluate(context.Background(), NewInput(r))
			if a.Failure == nil || a.Failure.Kind != FailMemory || a.Allowed {
				t.Errorf("%+v", a)
			}
			if took := allocated() - before; took > 16*memory {
				t.Errorf("%d MB were allocated", took>>20)
			}
		})
	}
}

// TestDoublingIsRefused: OPA writes such values out in one go.
func TestDoublingIsRefused(t *testing.T) {
	many := func(pattern string) string {
		var b strings.Builder
		for i := range 40 {
			b.WriteString(strings.NewReplacer("A", itoa(i+1), "B", itoa(i)).Replace(pattern))
		}
		return b.String()
	}
	for name, source := range map[string]string{
		"variables":     "allow if { x0 := [input.a]; " + many("xA := [xB, xB]; ") + "count(x40) > 0 }",
		"objects":       "allow if { x0 := [input.a]; " + many("xA := {\"a\": xB, \"b\": {\"c\": xB}}; ") + "count(x40) > 0 }",
		"rules":         "x0 := [input.a]\n" + many("xA := [xB, xB]\n") + "allow if count(x40) > 0",
		"sets of rules": "x0 contains input.a\n" + many("xA contains [xB, xB]\n") + "allow if count(x40) > 0",
		"functions":     "f(x) := [x, x]\nallow if count(" + strings.Repeat("f(", 40) + "input.a" + strings.Repeat(")", 40) + ") > 0",
		"comprehension": "allow if { x0 := [input.a]; " + many("xA := [[xB, xB] | some i in [1]]; ") + "count(x40) > 0 }",
	} {
		_, problems := Compile(model.RegoPolicy{Query: "data.p.allow", Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\n" + source}}})
		if len(problems) != 1 || !strings.Contains(problems[0].Message, "stands in itself") {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func itoa(n int) string { return string(ast.Number(ast.IntNumberTerm(n).Value.(ast.Number))) }

// TestLatePolicyIsEnded: the clock is looked at without timers.
func TestLatePolicyIsEnded(t *testing.T) {
	policy := model.RegoPolicy{Query: "data.p.allow", Failure: model.FailOpen, Timeout: model.Duration(30 * time.Millisecond), Memory: 4 << 30,
		Modules: []model.RegoModule{{Name: "p", Source: "package p\n\nallow if { some i in numbers.range(1, 100000); some j in numbers.range(1, 100000); i * j == -1 }"}}}
	compiled, problems := Compile(policy)
	if compiled == nil {
		t.Fatal(problems)
	}
	started := time.Now()
	a := compiled.Evaluate(context.Background(), NewInput(Request{}.CheckRequest(0)))
	if a.Failure == nil || a.Failure.Kind != FailTimeout || !a.Allowed || a.Failure.Detail != "30ms" {
		t.Errorf("%+v", a)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestUsualPolicyFits: a look through 100,000 entries is within what every
// policy has.
func TestUsualPolicyFits(t *testing.T) {
	policy := model.RegoPolicy{Query: "data.p.allow", Timeout: model.Duration(20 * time.Second),
		Modules: []model.RegoModule{{Name: "p", Source: "package p\n\nallow if { some u in data.users; u == \"user99999\" }"}}}
	var data strings.Builder
	for i := range 100_000 {
		data.WriteString(`,"user` + itoa(i) + `"`)
	}
	policy.Data = `{"users":[` + data.String()[1:] + `]}`
	compiled, problems := Compile(policy)
	if compiled == nil {
		t.Fatal(problems)
	}
	if a := compiled.Evaluate(context.Background(), NewInput(Request{}.CheckRequest(0))); !a.Allowed {
		t.Errorf("%+v", a)
	}
}

// TestEnvironmentIsHidden: opa.runtime is there, and says nothing.
func TestEnvironmentIsHidden(t *testing.T) {
	t.Setenv("SECRET", "hush")
	policy := model.RegoPolicy{Query: "data.p.allow",
		Modules: []model.RegoModule{{Name: "p", Source: "package p\n\nallow if { r := opa.runtime(); r.env == {}; r.config == {}; count(r) == 2 }"}}}
	a, err := Evaluate(context.Background(), policy, Request{})
	if err != nil || !a.Allowed {
		t.Errorf("%+v %v", a, err)
	}
}
