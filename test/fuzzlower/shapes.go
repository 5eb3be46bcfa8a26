package fuzzlower

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Policy draws a policy. A fifth of them hold what no proxy can decide.
func (d *Drawer) Policy() Policy {
	p := &Policy{Query: "data." + packageName + ".allow", Failure: model.FailClosed, Data: map[string]any{}, Features: map[string]bool{}}
	d.p, d.foreign = p, d.chance(20)
	if d.chance(25) {
		p.Failure = model.FailOpen
		d.feature("failure Open")
	}
	if d.chance(5) {
		p.MaxBody = 1024
	}
	if d.chance(20) {
		p.V0 = true
		d.feature("Rego v0")
		p.Imports = append(p.Imports, "future.keywords.in", "future.keywords.every")
	}
	if d.chance(40) {
		p.Imports = append(p.Imports, httpRef+" as http_request")
		d.feature("import of input")
	} else if len(p.Imports) > 0 {
		p.Imports = append(p.Imports, httpRef+" as http_request")
	}
	if d.chance(40) {
		d.add(Rule{Head: "claims", Value: payload})
	}
	choose(d, []choice[any]{
		{28, func() any { d.plainAllow(); return nil }},
		{12, func() any { d.elseChain(); return nil }},
		{14, func() any { d.denySet(); return nil }},
		{8, func() any { d.denyRule(); return nil }},
		{14, func() any { d.denials(); return nil }},
		{6, func() any { d.conflict(); return nil }},
		{7, func() any { d.byTable(); return nil }},
		{6, func() any { d.assembled(); return nil }},
		{4, func() any { d.oddResult(); return nil }},
		{3, func() any { d.longList(); return nil }},
	})
	return *p
}

// plainAllow is what most people write.
func (d *Drawer) plainAllow() {
	if d.chance(75) {
		d.add(Rule{Default: true, Head: "allow", Value: d.of("false", "false", "false", "true")})
		d.feature("default")
	} else {
		d.feature("undefined")
	}
	for range 1 + d.IntN(4) {
		d.add(Rule{Head: "allow", Body: d.conditions(3)})
	}
}

func (d *Drawer) elseChain() {
	d.feature("else")
	value := func() string {
		return choose(d, []choice[string]{{5, func() string { return "true" }}, {5, func() string { return "false" }}, {2, func() string { return d.denial() }}})
	}
	r := Rule{Head: "allow", Value: value(), Body: d.conditions(2)}
	for range 1 + d.IntN(3) {
		r.Else = append(r.Else, Arm{Value: value(), Body: d.conditions(2)})
	}
	if d.chance(40) {
		r.Else = append(r.Else, Arm{Value: value()})
	}
	if d.chance(40) {
		d.add(Rule{Default: true, Head: "allow", Value: "false"})
	}
	d.add(r)
}

// denySet allows where no reason to deny was found.
func (d *Drawer) denySet() {
	d.feature("deny set")
	for range 1 + d.IntN(3) {
		body, element := d.conditions(2), quote(d.of("no", "not you", "later"))
		if d.chance(20) {
			d.feature("computed member")
			v := d.name("m")
			body = append(body, fmt.Sprintf("%s := sprintf(\"no %%v\", [%s])", v, d.plainText().text))
			element = v
		}
		d.add(Rule{Head: "deny", Element: element, Body: body})
	}
	none := d.of("count(deny) == 0", "count(deny) == 0", "not any_deny", "deny == set()", "count(deny) < 1")
	if none == "not any_deny" {
		d.add(Rule{Head: "any_deny", Body: []string{"deny[_]"}})
	}
	d.result([]string{none})
}

// denyRule allows where a rule named deny does not hold.
func (d *Drawer) denyRule() {
	d.feature("not deny")
	if d.chance(40) {
		d.add(Rule{Default: true, Head: "deny", Value: "false"})
	}
	for range 1 + d.IntN(2) {
		d.add(Rule{Head: "deny", Body: d.conditions(2)})
	}
	d.result([]string{"not deny"})
}

// result adds allow, with the given line and perhaps more.
func (d *Drawer) result(body []string) {
	if d.chance(60) {
		d.add(Rule{Default: true, Head: "allow", Value: "false"})
	}
	if d.chance(40) {
		body = append(body, d.conditions(2)...)
	}
	d.add(Rule{Head: "allow", Body: body})
}

// denial is an object that denies with an answer of its own.
func (d *Drawer) denial() string {
	d.feature("custom denial")
	parts := []string{`"allowed": false`}
	if d.chance(80) {
		parts = append(parts, `"http_status": `+d.of(wordsStatus...))
	}
	if d.chance(40) {
		parts = append(parts, `"body": `+quote(d.of("no", "", "Zugang verweigert: é", "{\"error\": \"no\"}", "two\nlines", "100%", "%REQ(x-role)%")))
	}
	if d.chance(35) {
		parts = append(parts, `"headers": `+d.of(`{"x-reason": "policy"}`, `{"x-reason": ["a", "b"]}`, `[{"x-reason": "a"}, {"www-authenticate": "Bearer"}]`, `{"X-Reason": "100%"}`, `{"x-reason": ""}`,
			`{"content-type": "application/json"}`, `{"location": "/login"}`, `{"x-reason": "%PATH%"}`, `{"x-reason": 7}`, `{}`))
	}
	if d.chance(6) {
		parts = append(parts, `"dynamic_metadata": {"who": "me"}`)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// allowance is an object that allows, some of them with more.
func (d *Drawer) allowance() string {
	d.feature("object that allows")
	return d.of(`{"allowed": true}`, `{"allowed": true}`, "true", `{"allowed": true, "headers": {"x-set": "yes"}}`, `{"allowed": true, "note": "mine"}`,
		`{"allowed": true, "request_headers_to_remove": ["x-a"]}`, `{"allowed": true, "response_headers_to_add": {"x-more": "1"}}`, `{"allowed": true, "http_status": 500}`)
}

// denials are several whole answers.
func (d *Drawer) denials() {
	if d.chance(70) {
		d.add(Rule{Default: true, Head: "allow", Value: d.of("false", d.denial(), d.denial(), d.allowance())})
	}
	if d.chance(50) {
		r := Rule{Head: "allow", Value: d.allowance(), Body: d.conditions(2)}
		for range 1 + d.IntN(2) {
			r.Else = append(r.Else, Arm{Value: d.denial(), Body: d.conditions(2)})
		}
		d.add(r)
		return
	}
	d.add(Rule{Head: "allow", Value: d.allowance(), Body: d.conditions(2)})
	for range 1 + d.IntN(2) {
		d.add(Rule{Head: "allow", Value: d.denial(), Body: d.conditions(2)})
	}
}

// conflict gives allow two values, where both bodies hold.
func (d *Drawer) conflict() {
	d.feature("conflict")
	if d.chance(50) {
		d.add(Rule{Default: true, Head: "allow", Value: "false"})
	}
	d.add(Rule{Head: "allow", Value: "true", Body: d.conditions(2)}, Rule{Head: "allow", Value: "false", Body: d.conditions(2)})
}

// byTable decides by a table in the data document.
func (d *Drawer) byTable() {
	d.add(Rule{Default: true, Head: "allow", Value: "false"}, Rule{Head: "allow", Body: append(d.table(d.plainText()), d.conditions(1)...)})
	if d.chance(50) {
		d.add(Rule{Head: "allow", Body: d.table(d.plainText())})
	}
}

// assembled is an answer made of other rules.
func (d *Drawer) assembled() {
	d.feature("assembled answer")
	d.p.Query = "data." + packageName + ".result"
	d.add(Rule{Default: true, Head: "allow", Value: "false"}, Rule{Head: "allow", Body: d.conditions(3)})
	if d.chance(50) {
		d.add(Rule{Default: true, Head: "status", Value: "403"}, Rule{Head: "status", Value: d.of("401", "404"), Body: []string{"not allow", d.test(d.text())}})
		d.add(Rule{Head: "result", Value: `{"allowed": allow, "http_status": status, "body": "no"}`})
		return
	}
	d.add(Rule{Head: d.of("result.allowed", `result["allowed"]`), Value: "allow"}, Rule{Head: "result.http_status", Value: "401"})
}

// oddResult is no verdict, sometimes.
func (d *Drawer) oddResult() {
	d.feature("odd result")
	d.add(Rule{Head: "allow", Value: d.of(`"true"`, "1", "null", "[]", "{}", `{"allowed": "yes"}`, "true", "false", `{"allowed": null}`), Body: d.conditions(2)})
	if d.chance(50) {
		d.add(Rule{Head: "allow", Value: d.of("true", "false"), Body: d.conditions(2)})
	}
}

// longList is a rule that becomes a large tree.
func (d *Drawer) longList() {
	d.feature("long list")
	d.add(Rule{Default: true, Head: "allow", Value: "false"})
	for range 10 + d.IntN(30) {
		t, word := d.plainText(), ""
		word = d.of(wordsOf(t.input)...)
		d.atom(t.input, word)
		d.add(Rule{Head: "allow", Body: []string{t.text + " == " + quote(word), d.test(d.plainText())}})
	}
}
