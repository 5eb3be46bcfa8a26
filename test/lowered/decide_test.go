package lowered_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

// byHeader is a policy that a header tells what to do: allow, deny, whole (a
// denial with all that one may have), undefined; and to ask, for the lowered
// one, which then policyd answers as the second word says.
func byHeader(name string, failure model.FailureMode, mode model.Mode, lowered bool) model.RegoPolicy {
	header := "x-" + name
	p := model.RegoPolicy{Object: model.Ref{Name: name}, Query: "data.a.answer", Mode: mode, Failure: failure, Timeout: model.Duration(5e9),
		Modules: []model.RegoModule{{Name: "a.rego", Source: strings.ReplaceAll(`package a

says := object.get(input.attributes.request.http.headers, "HEADER", "deny")

answer := true if endswith(says, "allow")

answer := false if endswith(says, "deny")

answer := {"allowed": false, "http_status": 401, "body": "who\nare \"you\"? \u00e9", "headers": {"www-authenticate": "Bearer", "x-why": ["HEADER", "b"], "content-type": "text/x"}} if endswith(says, "whole")

answer := {"allowed": false, "http_status": 404, "body": "gone"} if endswith(says, "body")

answer := {"allowed": true, "headers": {"x-by": "HEADER"}} if endswith(says, "more")
`, "HEADER", header)}}}
	if !lowered {
		return p
	}
	says := func(v string) model.Predicate { return testOf(model.InputHeader, header, model.TestIn, v) }
	p.Lowered = &model.Lowered{
		Rules: []model.LoweredRule{
			rule("guard", model.VerdictAsk, testOf(model.InputHeader, header, model.TestPrefix, "ask-")),
			rule("a.rego:5", model.VerdictAllow, says("allow")),
			{Rule: "a.rego:9", Verdict: model.VerdictDeny, When: says("whole"), Answer: 1},
			{Rule: "a.rego:11", Verdict: model.VerdictDeny, When: says("body"), Answer: 2},
			rule("a.rego:7", model.VerdictDeny, either(says("deny"), negated(testOf(model.InputHeader, header, model.TestPresent)))),
		},
		Answers: []model.LoweredAnswer{
			{Status: 401, Body: "who\nare \"you\"? \u00e9", Headers: []model.HeaderText{{Name: "content-type", Value: "text/x"}, {Name: "www-authenticate", Value: "Bearer"}, {Name: "x-why", Value: header}, {Name: "x-why", Value: "b"}}},
			{Status: 404, Body: "gone"},
		},
	}
	return p
}

// answerOf is all of an answer that a client sees, but for what differs from
// one request to the next.
func answerOf(a envoyrunner.Answer) string {
	header := maps.Clone(a.Header)
	for _, name := range []string{"Date", "X-Request-Id", "X-Envoy-Upstream-Service-Time"} {
		delete(header, name)
	}
	return fmt.Sprintf("%d %q %v %v", a.Status, a.Body, header, a.Upstream != nil)
}

// TestLoweredAnswers: what the proxy answers by itself is byte by byte what
// policyd answers, for requests of every kind.
func TestLoweredAnswers(t *testing.T) {
	r := envoyrunner.Start(t, harness.Builtin(t))
	for _, p := range r.Publish(envoyrunner.Unit{Rego: []model.RegoPolicy{byHeader("p", model.FailClosed, model.Enforce, true)}},
		envoyrunner.Unit{Rego: []model.RegoPolicy{byHeader("p", model.FailClosed, model.Enforce, false)}}) {
		t.Error(p)
	}
	client := r.Client()
	for _, says := range []string{"allow", "deny", "whole", "body", "ask-more", "ask-whole", "ask-allow", "", "other"} {
		for _, q := range []policycases.Request{{}, {Method: "HEAD"}, {Protocol: "HTTP/2"}, {Method: "POST", Body: "body"}, {Method: "OPTIONS"},
			{Method: "POST", Protocol: "HTTP/2", Headers: []string{"content-type: application/grpc"}, Body: "\x00\x00\x00\x00\x00"},
			{Method: "POST", Headers: []string{"content-type: application/grpc-web"}}} {
			if says != "" {
				q.Headers = append(slices.Clone(q.Headers), "x-p: "+says)
			}
			native, err := client.Send(0, q)
			asked, err2 := client.Send(1, q)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if answerOf(native) != answerOf(asked) {
				t.Errorf("%s, %s %s %v:\nnative %s\nasked  %s", says, q.Protocol, q.Method, q.Headers, answerOf(native), answerOf(asked))
			}
			if want := strings.HasPrefix(says, "ask-") || says == "other"; want != (len(native.Asked) == 1) || len(native.Asked) > 1 || len(asked.Asked) != 1 {
				t.Errorf("%s: asked %d and %d times", says, len(native.Asked), len(asked.Asked))
			}
		}
	}
}

// TestLoweredDenialsNameTheirRule, where the mesh says so.
func TestLoweredDenialsNameTheirRule(t *testing.T) {
	for i, d := range []model.Denials{{Header: true}, {Body: model.DenialText}, {Header: true, Body: model.DenialJSON}} {
		r := envoyrunner.Start(t, harness.Builtin(t))
		client := r.Client()
		r.Mesh(func(m *model.Mesh) { m.Denials = d })
		for _, p := range r.Publish(envoyrunner.Unit{Rego: []model.RegoPolicy{byHeader(fmt.Sprint("p", i), model.FailClosed, model.Enforce, true)}}) {
			t.Error(p)
		}
		const rule = "RegoPolicy/u0/p%d/a.rego:%d"
		for says, line := range map[string]int{"deny": 7, "whole": 9, "body": 11} {
			a, err := client.Send(0, policycases.Request{Headers: []string{fmt.Sprintf("x-p%d: %s", i, says)}})
			if err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprintf(rule, i, line)
			if have := a.Header.Get(model.HeaderDeniedBy); d.Header && have != id || !d.Header && have != "" {
				t.Errorf("%+v, %s: denied by %q", d, says, have)
			}
			kind, body := d.BodyOf(id)
			if says == "deny" && (a.Body != body || a.Header.Get("content-type") != kind) || says == "body" && a.Body != "gone" {
				t.Errorf("%+v, %s: %q %v", d, says, a.Body, a.Header)
			}
		}
	}
}

// TestSeveralLoweredPolicies has several on one workload, in every order, some
// of them asked and some native, with shadow ones beside them, against those
// that are all asked.
func TestSeveralLoweredPolicies(t *testing.T) {
	r := envoyrunner.Start(t, harness.Builtin(t))
	one := func(name string, lowered bool) model.RegoPolicy {
		return byHeader(name, model.FailClosed, model.Enforce, lowered)
	}
	var units []envoyrunner.Unit
	var orders [][3]int
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for _, shadow := range []bool{false, true} {
			var mixed, asked []model.RegoPolicy
			for at, i := range order {
				name := string(rune('a' + i))
				mixed = append(mixed, one(name, i != 2)) // c is always asked
				asked = append(asked, one(name, false))
				if shadow {
					mixed = append(mixed, byHeader(fmt.Sprintf("s%d", at), model.FailClosed, model.Shadow, at != 1))
				}
			}
			units = append(units, envoyrunner.Unit{Rego: mixed}, envoyrunner.Unit{Rego: asked})
			orders = append(orders, order)
		}
	}
	for _, p := range r.Publish(units...) {
		t.Error(p)
	}
	client := r.Client()
	words := []string{"allow", "deny", "whole", "ask-allow", "ask-body"}
	for i, order := range orders {
		for n := range len(words) * len(words) * 3 {
			q := policycases.Request{Headers: []string{"x-a: " + words[n%len(words)], "x-b: " + words[n/len(words)%len(words)],
				"x-c: " + []string{"allow", "more", "body"}[n/len(words)/len(words)], "x-s0: deny", "x-s1: whole", "x-s2: " + []string{"ask-deny", "deny"}[n%2]}}
			mixed, err := client.Send(2*i, q)
			asked, err2 := client.Send(2*i+1, q)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if answerOf(mixed) != answerOf(asked) {
				t.Errorf("order %v, shadow %v, %v:\nmixed %s\nasked %s", order, i%2 == 1, q.Headers, answerOf(mixed), answerOf(asked))
			}
		}
	}
}

// TestLoweredWithoutPolicyd: native verdicts go on, and what asks follows the
// failure mode of the policies that asked.
func TestLoweredWithoutPolicyd(t *testing.T) {
	r := envoyrunner.Start(t, harness.Builtin(t))
	closed, open := model.FailClosed, model.FailOpen
	var units []envoyrunner.Unit
	for _, f := range [][2]model.FailureMode{{closed, closed}, {open, open}, {closed, open}, {open, closed}} {
		for _, shadow := range []bool{false, true} {
			u := envoyrunner.Unit{Rego: []model.RegoPolicy{byHeader("a", f[0], model.Enforce, true), byHeader("b", f[1], model.Enforce, true)}}
			if shadow {
				u.Rego = append(u.Rego, byHeader("s", closed, model.Shadow, true), byHeader("z", closed, model.Shadow, false))
			}
			units = append(units, u)
		}
	}
	for _, p := range r.Publish(units...) {
		t.Error(p)
	}
	r.StopPolicyd()
	client := r.Client()
	for _, c := range []struct {
		a, b string
		want [4]int // closed closed, open open, closed open, open closed
	}{
		{"allow", "allow", [4]int{200, 200, 200, 200}},
		{"allow", "whole", [4]int{401, 401, 401, 401}},
		{"deny", "ask-allow", [4]int{403, 403, 403, 403}},
		{"ask-allow", "allow", [4]int{403, 200, 403, 200}},
		{"allow", "ask-allow", [4]int{403, 200, 200, 403}},
		{"ask-allow", "ask-allow", [4]int{403, 200, 403, 403}},
		{"ask-allow", "whole", [4]int{403, 401, 403, 401}},
		{"whole", "ask-allow", [4]int{401, 401, 401, 401}},
	} {
		for i, want := range c.want {
			for shadow := range 2 {
				a, err := client.Send(2*i+shadow, policycases.Request{Headers: []string{"x-a: " + c.a, "x-b: " + c.b, "x-s: ask-deny"}})
				if err != nil {
					t.Fatal(err)
				}
				if a.Status != want {
					t.Errorf("%s and %s, unit %d, shadow %d: %d, want %d", c.a, c.b, i, shadow, a.Status, want)
				}
			}
		}
	}
}

// TestShadowOfRegoPolicies: one in shadow that policyd must be asked about is
// asked, and changes nothing of the answer, whatever it says.
func TestShadowOfRegoPolicies(t *testing.T) {
	r := envoyrunner.Start(t, harness.Builtin(t))
	for _, p := range r.Publish(envoyrunner.Unit{Rego: []model.RegoPolicy{byHeader("s", model.FailClosed, model.Shadow, false)}},
		envoyrunner.Unit{Rego: []model.RegoPolicy{byHeader("s", model.FailClosed, model.Shadow, true)}}, envoyrunner.Unit{}) {
		t.Error(p)
	}
	client := r.Client()
	for _, without := range []bool{false, true} {
		if without { // who is in shadow does not wait: all were asked, soon
			harness.Until(t, 10*time.Second, "questions", func() error {
				if n := shadowQuestions(t, r); n != 6+4 {
					return fmt.Errorf("policyd answered %d", n)
				}
				return nil
			})
			r.StopPolicyd()
		}
		for _, says := range []string{"whole", "deny", "more", "ask-more", "ask-whole", "other"} {
			q := policycases.Request{Headers: []string{"x-s: " + says}}
			plain, err := client.Send(2, q)
			if err != nil {
				t.Fatal(err)
			}
			for unit := range 2 {
				a, err := client.Send(unit, q)
				if err != nil {
					t.Fatal(err)
				}
				if answerOf(a) != answerOf(plain) || a.Upstream == nil || len(a.Upstream.Header("x-by")) > 0 {
					t.Errorf("%s, unit %d, without policyd %v: %s, upstream %+v", says, unit, without, answerOf(a), a.Upstream)
				}
			}
		}
	}
}

// shadowQuestions is how many policyd answered.
func shadowQuestions(t *testing.T, r *envoyrunner.Runner) (n int) {
	t.Helper()
	res, err := http.Get(r.Envoy.Admin + "/stats?usedonly&filter=^http.*krater_shadow.ok$")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		_, count, _ := strings.Cut(strings.TrimSpace(line), ": ")
		one, _ := strconv.Atoi(count)
		n += one
	}
	return n
}
