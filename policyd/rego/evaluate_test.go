package rego

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ratings(source string) model.RegoPolicy {
	return model.RegoPolicy{
		Object:  model.Ref{Kind: "RegoPolicy", Namespace: "default", Name: "ratings"},
		Modules: []model.RegoModule{{Name: "authz.rego", Source: source}},
		Query:   "data.authz.allow", Failure: model.FailClosed,
	}
}

const endless = `package authz

allow if {
	some a in numbers.range(1, 100000)
	some b in numbers.range(1, 100000)
	a * b == -1
}
`

func TestEvaluateOffline(t *testing.T) {
	policy := ratings("package authz\n\nallow if input.attributes.request.http.headers.user == \"anna\"\n")
	a, err := Evaluate(context.Background(), policy, Request{Headers: []Header{{"User", "anna"}}})
	if err != nil || !a.Allowed || a.Failure != nil {
		t.Errorf("got %+v, %v", a, err)
	}
	policy.Modules[0].Source = "package authz\n\nallow if"
	_, err = Evaluate(context.Background(), policy, Request{})
	var refused *CompileError
	if !errors.As(err, &refused) || refused.Problems[0].Code != model.CodeBadRego {
		t.Errorf("wanted the compiler's problems, got %v", err)
	}
	if !CheckRego(policy).HasErrors() {
		t.Error("CheckRego finds nothing")
	}
}

func TestCallerGoesAway(t *testing.T) {
	p, problems := Compile(ratings(endless))
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	a := p.Evaluate(ctx, NewInput(Request{}.CheckRequest(0)))
	if a.Allowed || a.Failure == nil || a.Failure.Kind != FailTimeout {
		t.Errorf("got %+v", a)
	}
	if a = p.Evaluate(ctx, NewInput(Request{}.CheckRequest(0))); a.Failure == nil || a.Failure.Kind != FailTimeout {
		t.Errorf("a caller that is gone already: %+v", a)
	}
}

func TestTimeoutIsThePolicysOwn(t *testing.T) {
	policy := ratings(endless)
	policy.Timeout, policy.Failure = model.Duration(20*time.Millisecond), model.FailOpen
	p, problems := Compile(policy)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	started := time.Now()
	a := p.Evaluate(context.Background(), NewInput(Request{}.CheckRequest(0)))
	if !a.Allowed || a.Failure == nil || a.Failure.String() != "timeout: 20ms" {
		t.Errorf("got %+v", a)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestPanicIsContained(t *testing.T) {
	p, problems := Compile(ratings("package authz\n\nallow := true\n"))
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	a := p.Evaluate(context.Background(), nil) // no input at all: a fault of the caller
	if a.Allowed || a.Failure == nil || a.Failure.Kind != FailPanic || a.Failure.Stack == "" {
		t.Errorf("got %+v", a)
	}
}

func TestRegoVersionsAreTold(t *testing.T) {
	policy := ratings("package authz\n\nallow { true }\n")
	policy.Modules = append(policy.Modules, model.RegoModule{Name: "new.rego", Source: "package other\n\nx if true\n"})
	p, problems := Compile(policy)
	if p == nil || p.RegoVersions()["authz.rego"] != "v0" || p.RegoVersions()["new.rego"] != "v1" {
		t.Fatalf("got %v, %v", p, problems)
	}
	if len(problems) != 1 || problems[0].Severity != model.Info || problems[0].Field != "spec.modules[0]" {
		t.Errorf("problems are %v", problems)
	}
}
