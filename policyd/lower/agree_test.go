package lower

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// request is one request, as OPA and as the proxy see it.
type request struct {
	rego.Request
	sni    string
	claims map[string]any
}

func (r request) check() *authv3.CheckRequest {
	out := r.CheckRequest(0)
	if r.sni != "" {
		out.Attributes.TlsSession = &authv3.AttributeContext_TLSSession{Sni: r.sni}
	}
	out.Attributes.MetadataContext = &corev3.Metadata{}
	if r.claims != nil {
		payload, err := structpb.NewStruct(r.claims)
		if err != nil {
			panic(err)
		}
		out.Attributes.MetadataContext.FilterMetadata = map[string]*structpb.Struct{"envoy.filters.http.jwt_authn": {
			Fields: map[string]*structpb.Value{"payload": structpb.NewStructValue(payload)}}}
	}
	return out
}

func (r request) facts() explain.Facts {
	v := explain.View{Method: r.Method, Scheme: "http", Authority: r.Host, Path: r.Path, Peer: r.Source.Address, Port: r.Target.Port, Headers: explain.Headers{}}
	for _, h := range r.Headers {
		v.Headers[strings.ToLower(h.Name)] = append(v.Headers[strings.ToLower(h.Name)], h.Value)
	}
	return plainHeaders{explain.RequestFacts{View: v, Principal: r.Source.Principal, Protocol: "HTTP/1.1", SNI: r.sni, SourcePort: r.Source.Port,
		Target: r.Target.Address, Claims: r.plainClaims()}}
}

// plainClaims are the claims as JSON has them.
func (r request) plainClaims() map[string]any {
	if r.claims == nil {
		return nil
	}
	payload, err := structpb.NewStruct(r.claims)
	if err != nil {
		panic(err)
	}
	return payload.AsMap()
}

// plainHeaders has no headers but those of the request: no proxy adds any.
type plainHeaders struct{ explain.RequestFacts }

func (f plainHeaders) Fact(in model.ProxyInput) (any, bool) {
	if in.Kind == model.InputHeader && !strings.HasPrefix(in.Name, ":") {
		values, ok := f.View.Headers[in.Name]
		return strings.Join(values, ","), ok
	}
	return f.RequestFacts.Fact(in)
}

// requests are those that each construct is tried with: for each of a few
// inputs, values that are nearly alike.
func requests() []request {
	var out []request
	for i, path := range []string{"/", "/a", "/a/", "/a/b", "/a/b/c", "/a/1/c", "/A/b", "/a?x=1", "/a/b?x=/c", "//a", "/a//b", "/a%2Fb", "/%61", "/a%", "/a%4",
		"/a%zz", "/a/b.c", "/a!b", "/b/7/x", "*", "/a/bb/c/d/e"} {
		out = append(out, request{Request: rego.Request{Method: []string{"GET", "POST", "get"}[i%3], Path: path, Host: []string{"a.test", "a.test:80", "A.test"}[i%3]}})
	}
	for _, v := range []string{"", "a", "A", "b", "ab", "abc", "a,b", "a, b", "a:b", "a:b:c", "a!", "!", "é", "a\xe9", "\x80", "a\u212A", "K", "k", "7", "18", "18.0", "019", "1e3", "0x12",
		"inf", "-5", "100000000000000000000", "null", "false", "true", "Bearer abc", "bearer abc", "admin", "root", "10.0.0.1", "xabx", "zzb"} {
		out = append(out, headers("x-a", v))
	}
	out = append(out, headers("x-a", "a", "x-a", "b"), headers("X-A", "a", "x-b", "b"), headers("x-b", "a"), headers("x-a", "a", "x-b", "a"), headers("x-a", "b", "x-b", ""))
	for _, from := range []rego.Endpoint{{Address: "10.0.0.1", Port: 80}, {Address: "10.1.2.3", Port: 1024}, {Address: "::1"}, {Address: "::ffff:10.0.0.1"}, {Address: "192.168.7.7", Port: 65535, Principal: "spiffe://cluster.local/ns/shop/sa/cart"},
		{Address: "11.0.0.1", Principal: "spiffe://other/ns/shop/sa/web"}, {Principal: "spiffe://cluster.local/ns/a"}} {
		out = append(out, request{Request: rego.Request{Path: "/", Source: from, Target: rego.Endpoint{Address: "10.9.9.9", Port: 8080}}})
	}
	for _, claim := range []any{"a", "b", "", "7", 7, 7.5, 18, 19, true, false, nil, []any{}, []any{"a"}, []any{"b", "a"}, []any{"b", 7}, []any{"ab"}, []any{[]any{"a"}}, map[string]any{"x": "a"}, map[string]any{}} {
		out = append(out, request{Request: rego.Request{Path: "/"}, claims: map[string]any{"c": claim, "sub": "s"}})
	}
	out = append(out, request{Request: rego.Request{Path: "/"}, claims: map[string]any{}}, request{Request: rego.Request{Path: "/"}, sni: "shop.test"}, request{Request: rego.Request{Path: "/"}, sni: "x.shop.test"})
	for i := range out {
		if out[i].Method == "" {
			out[i].Method = "GET"
		}
		if out[i].Host == "" {
			out[i].Host = "a.test"
		}
	}
	return out
}

func headers(pairs ...string) request {
	r := request{Request: rego.Request{Method: "GET", Path: "/", Host: "a.test"}}
	for i := 0; i < len(pairs); i += 2 {
		r.Headers = append(r.Headers, rego.Header{Name: pairs[i], Value: pairs[i+1]})
	}
	return r
}

// counts are how many requests were answered in which way.
type counts struct{ allow, deny, ask int }

// agree holds a policy's rules against OPA for all requests.
func agree(t *testing.T, p model.RegoPolicy) (*model.Lowered, counts) {
	t.Helper()
	compiled, problems := rego.Compile(p)
	if problems.HasErrors() {
		t.Fatalf("%v\n%s", problems, p.Modules[0].Source)
	}
	l := Policy(p, nil)
	var n counts
	for _, r := range requests() {
		want := compiled.Evaluate(context.Background(), rego.NewInput(r.check()))
		rule := explain.Decide(l, r.facts())
		if rule == nil || rule.Verdict == model.VerdictAsk {
			n.ask++
			continue
		}
		got := fmt.Sprint(rule.Verdict == model.VerdictAllow)
		if rule.Verdict == model.VerdictDeny {
			n.deny++
			a := model.LoweredAnswer{Status: 403}
			if rule.Answer > 0 {
				a = l.Answers[rule.Answer-1]
			}
			got += fmt.Sprint(a.Status, a.Body, a.Headers)
		} else {
			n.allow++
		}
		have := fmt.Sprint(want.Allowed)
		if !want.Allowed {
			var list []model.HeaderText
			for _, h := range want.Headers {
				list = append(list, model.HeaderText{Name: h.Name, Value: h.Value})
			}
			have += fmt.Sprint(want.Status, want.Body, list)
		}
		if got != have || want.Allowed && len(want.Headers)+len(want.Metadata) > 0 {
			t.Errorf("OPA answers %s, %s by rule %s: %s %q %v from %+v, claims %v\n%s", have, got, rule.Rule, r.Method, r.Path, r.Headers, r.Source, r.claims, p.Modules[0].Source)
		}
	}
	return l, n
}

func policy(body, data string) model.RegoPolicy {
	return model.RegoPolicy{Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n" + body}}, Query: "data.p.allow", Data: data, Failure: model.FailClosed, Mode: model.Enforce}
}

// rules makes a policy of one body's expressions.
func rules(expression string) string {
	return "default allow := false\nimport input.attributes.request.http\nimport input.attributes.source\n" +
		"payload := input.attributes.metadataContext.filterMetadata[\"envoy.filters.http.jwt_authn\"].payload\nx := http.headers[\"x-a\"]\n" +
		"allow if {\n" + expression + "\n}\n"
}

// lowered holds expressions to be lowered whole, to agree with OPA, and to let
// some requests pass and others not.
func lowered(t *testing.T, expressions ...string) {
	t.Helper()
	for _, e := range expressions {
		t.Run(e, func(t *testing.T) {
			l, n := agree(t, policy(rules(e), `{"users": {"a": {"roles": ["admin"]}, "b": {"roles": ["x", "admin"]}, "k": {"roles": []}}, "list": ["a", "b"], "nets": ["10.0.0.0/8"]}`))
			if !l.Whole() {
				t.Errorf("it is not lowered: %+v", l.Stops)
			}
			if n.allow == 0 || n.deny == 0 || n.ask > len(requests())/2 {
				t.Errorf("it tells too little: %+v", n)
			}
		})
	}
}
