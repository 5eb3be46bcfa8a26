package translate

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestNothingTellsARedactedAttribute: not by its name, nor by what it is drawn
// from, and whatever is made of it; other headers may be told.
func TestNothingTellsARedactedAttribute(t *testing.T) {
	set := &model.AttributeSet{Object: model.Ref{Kind: "AttributeSet", Namespace: "n", Name: "a"}, Attributes: []model.Attribute{
		{Name: "session", Cookie: "session", Redact: true}, {Name: "key", Header: "x-key", Redact: true}, {Name: "plan", Header: "x-plan"},
		{Name: "made", CEL: "request.headers['x-made']", Redact: true}, {Name: "vip", Type: "bool", Header: "x-vip"}}}
	for text, told := range map[string]bool{
		"session": false, "attribute.session": false, "attribute.key": false, "key": false, "attribute.made": false,
		"request.headers['cookie']": false, `request.headers["X-Key"]`: false, "request.headers['x-made']": false, "request.headers.cookie": false,
		"request.headers[request.method]":                                  false,
		"request.headers['x-plan'] == 'a' ? request.headers['x-key'] : ''": false,
		"attribute.session == 'a' ? 'b' : 'c'":                             false,
		"has(attribute.key)":                                               false,
		"size(request.headers['cookie'])":                                  false,
		"request.headers['x-plan']":                                        true,
		"attribute.plan":                                                   true,
		"attribute.plan == 'a' ? 'b' : 'c'":                                true,
		"attribute.vip ? 'b' : 'c'":                                        true,
		"'x-plan' in request.headers ? 'b' : 'c'":                          true,
		"request.method":                                                   true,
	} {
		p := &proxy{w: model.Workload{Namespace: "n", Name: "w"}, view: view{mesh: &model.Mesh{TrustDomain: "cluster.local"}, attributes: []*model.AttributeSet{set}}}
		format, ok := p.format(text, chain{direction: inbound}, set.Object, "spec")
		if ok != told {
			t.Errorf("%s: %q, %t; %v", text, format, ok, p.problems)
		}
		if ok && (strings.Contains(format, "session") || strings.Contains(format, "cookie")) {
			t.Errorf("%s is told by %q", text, format)
		}
	}
}

// TestAttributesInExpressions: how they are asked for, and what cannot be.
func TestAttributesInExpressions(t *testing.T) {
	set := &model.AttributeSet{Attributes: []model.Attribute{
		{Name: "plan", Header: "x-plan"}, {Name: "vip", Type: "bool", Header: "x-vip"}, {Name: "n", Type: "int", Header: "x-n"},
		{Name: "order.total", Type: "double", JSON: "/t"}, {Name: "score", Wasm: "bot.score"}}}
	for text, want := range map[string]string{
		"attribute.plan == 'gold'":                 `filter_state["wasm.plan"] == b"\147\157\154\144"`,
		"'gold' != plan":                           `filter_state["wasm.plan"] != b"\147\157\154\144"`,
		"attribute.n == 7":                         `filter_state["wasm.n"] == b"\067"`,
		"attribute.n in [1, 2]":                    `filter_state["wasm.n"] in [b"\061", b"\062"]`,
		"attribute.vip && request.method == 'GET'": `filter_state["wasm.vip"] == b"\164\162\165\145" && request.method == "GET"`,
		"attribute.order.total == 0.5":             `filter_state["wasm.order.total"] == b"\060\056\065"`,
		"has(attribute.plan)":                      `"wasm.plan" in filter_state`,
		"attribute.score == attribute.plan":        `filter_state["wasm.bot.score"] == filter_state["wasm.plan"]`,
		"request.method == 'GET'":                  "request.method == 'GET'",
		"attribute.n > 7":                          "",
		"attribute.n == 'x'":                       "",
		"attribute.plan.startsWith('g')":           "",
		"attribute.plan == request.method":         "",
	} {
		p := &proxy{w: model.Workload{Name: "w"}, view: view{mesh: &model.Mesh{TrustDomain: "cluster.local"}, attributes: []*model.AttributeSet{set}}}
		have, ok := p.expression(text, model.Ref{}, "spec.match")
		if ok != (want != "") || ok && have != want {
			t.Errorf("%s is %s, %t; want %s", text, have, ok, want)
		}
		if !ok && len(p.problems) != 1 {
			t.Errorf("%s: %v", text, p.problems)
		}
	}
}

// TestCommandsOfExpressions: none ends before its time.
func TestCommandsOfExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"a":            "%CEL(a)%",
		"(a)%2 == 1":   "%CEL((a) %2 == 1)%",
		`a == "()%"`:   `%CEL(a == "()\x25")%`,
		`a == '\\')%'`: `%CEL(a == '\\') %')%`,
		"a % 2":        "%CEL(a % 2)%",
	} {
		if have := celOperator(text); have != want {
			t.Errorf("%s is %s, want %s", text, have, want)
		}
	}
}
