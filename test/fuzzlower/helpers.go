package fuzzlower

import "fmt"

// helper draws a rule or a function beside the main one, and an expression
// that asks it.
func (d *Drawer) helper() string {
	if d.depth >= 2 {
		return d.test(d.text())
	}
	d.depth++
	defer func() { d.depth-- }()
	return choose(d, []choice[string]{
		{7, func() string { d.feature("helper rule"); return d.of("", "", "not ") + d.predicate(d.conditions(2)) }},
		{5, func() string { return d.function() }},
		{4, func() string { return d.valued() }},
		{4, func() string { return d.set() }},
		{2, func() string { return d.object() }},
		{2, func() string { return d.defaulted() }},
	})
}

func (d *Drawer) add(r ...Rule) { d.p.Rules = append(d.p.Rules, r...) }

// predicate is a rule that is true or undefined, with one or two bodies.
func (d *Drawer) predicate(body []string) string {
	name := d.name("is")
	d.add(Rule{Head: name, Body: body})
	if d.chance(35) {
		d.add(Rule{Head: name, Body: d.conditions(2)})
	}
	return name
}

// defaulted is a rule that is true or false.
func (d *Drawer) defaulted() string {
	d.feature("default of a helper")
	name := d.name("ok")
	d.add(Rule{Default: true, Head: name, Value: d.of("false", "false", "true")}, Rule{Head: name, Value: d.of("", "", "false"), Body: d.conditions(2)})
	return d.of(name, "not "+name, name+" == true", name+" == false", name+" != true")
}

func (d *Drawer) function() string {
	d.feature("function")
	name, t := d.name("f"), d.text()
	head := name + "(x)"
	if d.chance(50) {
		d.add(Rule{Head: head, Body: []string{d.test(term{"x", t.input})}})
		if d.chance(40) {
			d.add(Rule{Head: head, Body: []string{d.test(term{"x", t.input})}})
		}
		return fmt.Sprintf("%s%s(%s)", d.of("", "", "not "), name, t.text)
	}
	d.feature("function with values")
	values := []string{quote("low"), quote("high"), quote("none")}
	r := Rule{Head: head, Value: values[0], Body: []string{d.test(term{"x", t.input})}}
	if d.chance(60) {
		d.feature("function with else")
		r.Else = []Arm{{Value: values[1], Body: []string{d.test(term{"x", t.input})}}}
		if d.chance(50) {
			r.Else = append(r.Else, Arm{Value: values[2]})
		}
		d.add(r)
	} else {
		d.feature("function with two values")
		d.add(r, Rule{Head: head, Value: values[d.IntN(2)], Body: []string{d.test(term{"x", t.input})}})
	}
	return fmt.Sprintf("%s(%s) %s %s", name, t.text, d.of("==", "==", "!="), d.of(values...))
}

// valued is a rule with one of some texts, by several bodies or by else.
func (d *Drawer) valued() string {
	name := d.name("level")
	values := []string{quote("admin"), quote("user"), quote("guest")}
	if d.chance(40) {
		d.add(Rule{Default: true, Head: name, Value: values[2]})
	}
	r := Rule{Head: name, Value: values[0], Body: d.conditions(2)}
	if d.chance(60) {
		d.feature("else")
		r.Else = []Arm{{Value: values[1], Body: d.conditions(2)}}
		if d.chance(30) {
			r.Else = append(r.Else, Arm{Value: values[2]})
		}
		d.add(r)
	} else {
		d.feature("several values")
		d.add(r, Rule{Head: name, Value: values[1], Body: d.conditions(2)})
	}
	switch d.IntN(4) {
	case 0:
		return fmt.Sprintf("%s != %s", name, d.of(values...))
	case 1:
		return fmt.Sprintf("%s in {%s, %s}", name, d.of(values...), d.of(values...))
	case 2:
		return fmt.Sprintf("not %s == %s", name, d.of(values...))
	}
	return fmt.Sprintf("%s == %s", name, d.of(values...))
}

// set is a partial set of constants.
func (d *Drawer) set() string {
	d.feature("partial set")
	name := d.name("roles")
	members := []string{quote("admin"), quote("user"), quote("dev")}
	for range 1 + d.IntN(3) {
		d.add(Rule{Head: name, Element: d.of(members...), Body: d.conditions(2)})
	}
	return choose(d, []choice[string]{
		{4, func() string { return fmt.Sprintf("%s in %s", d.of(members...), name) }},
		{3, func() string { return fmt.Sprintf("%s[%s]", name, d.of(members...)) }},
		{3, func() string {
			return fmt.Sprintf("count(%s) %s %s", name, d.of("==", ">", ">=", "!="), d.of("0", "0", "1", "2"))
		}},
		{2, func() string { return fmt.Sprintf("not %s[%s]", name, d.of(members...)) }},
		{1, func() string { return fmt.Sprintf("%s == set()", name) }},
		{1, func() string {
			d.feature("set operation")
			return fmt.Sprintf("count(%s & {%s}) > 0", name, d.of(members...))
		}},
	})
}

// object is a partial object of constants.
func (d *Drawer) object() string {
	d.feature("partial object")
	name := d.name("limits")
	keys := []string{quote("a"), quote("b")}
	for i := range 1 + d.IntN(2) {
		d.add(Rule{Head: fmt.Sprintf("%s[%s]", name, keys[i]), Value: d.of("1", "2", `"x"`), Body: d.conditions(2)})
	}
	return d.of(fmt.Sprintf("%s.a == 1", name), fmt.Sprintf("%s[%s] == 2", name, d.of(keys...)), fmt.Sprintf("not %s.b", name), fmt.Sprintf("%s[_] == 1", name))
}
