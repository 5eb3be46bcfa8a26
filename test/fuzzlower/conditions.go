package fuzzlower

import (
	"fmt"
	"strings"
)

// conditions draws a body.
func (d *Drawer) conditions(most int) []string {
	var out []string
	for range 1 + d.IntN(most) {
		out = append(out, d.condition()...)
	}
	return out
}

// condition draws one condition: one or some lines.
func (d *Drawer) condition() []string {
	if d.foreign && d.chance(22) {
		return d.unlowerable()
	}
	one := func(s string) []string { return []string{s} }
	return choose(d, []choice[[]string]{
		{46, func() []string { return one(d.test(d.text())) }},
		{9, func() []string { return one(d.numberTest(d.number())) }},
		{5, d.pair},
		{2, func() []string { return one(d.parameter()) }},
		{6, func() []string { return one(d.valueTest()) }},
		{9, func() []string { return one(d.negated()) }},
		{5, func() []string { return one(d.cidr()) }},
		{6, func() []string { return d.pattern() }},
		{6, func() []string { return d.some() }},
		{3, func() []string { return one(d.every()) }},
		{6, func() []string { return d.variable() }},
		{12, func() []string { return one(d.helper()) }},
		{2, func() []string { return one(d.window()) }},
	})
}

// negated is the negation of a test, of a presence, or of a helper.
func (d *Drawer) negated() string {
	d.feature("not")
	defer func(was bool) { d.locked = was }(d.locked)
	d.locked = true
	return "not " + choose(d, []choice[string]{
		{6, func() string { return d.test(d.text()) }},
		{3, func() string { d.feature("absent"); return d.header().text }},
		{2, func() string { return d.numberTest(d.number()) }},
		{2, func() string { return d.block() }},
		{3, func() string { return strings.TrimPrefix(d.helper(), "not ") }},
		{1, func() string { d.feature("not not"); h := d.predicate(d.conditions(2)); return h }},
	})
}

// cidr is block, or one of several in the data document.
func (d *Drawer) cidr() string {
	if d.chance(80) {
		return d.block()
	}
	d.feature("cidr of data")
	name := d.name("blocks")
	d.p.Data[name] = []any{d.of(wordsBlock...), d.of(wordsBlock...)}
	return fmt.Sprintf("net.cidr_contains(data.%s[_], input.attributes.source.address.socketAddress.address)", name)
}

func (d *Drawer) block() string {
	d.feature("net.cidr_contains")
	block := d.of(wordsBlock...)
	input, text := "peer", "input.attributes.source.address.socketAddress.address"
	if d.chance(15) {
		input, text = "header:x-real-ip", httpRef+`.headers["x-real-ip"]`
	}
	ip, _, _ := strings.Cut(block, "/")
	d.atom(input, ip)
	return fmt.Sprintf("net.cidr_contains(%s, %s)", quote(block), text)
}

// pattern unifies the path's segments with a pattern.
func (d *Drawer) pattern() []string {
	d.feature("path pattern")
	items := []string{}
	variable := ""
	for i := range 1 + d.IntN(4) {
		switch {
		case d.chance(25):
			items = append(items, "_")
		case d.chance(20) && variable == "":
			variable = d.name("seg")
			items = append(items, variable)
		default:
			w := d.of(wordsSegment...)
			d.atom(fmt.Sprintf("segment:%d", i), w)
			items = append(items, quote(w))
		}
	}
	list := "[" + strings.Join(items, ", ") + "]"
	path := "input.parsed_path"
	if d.chance(20) {
		path = fmt.Sprintf(`split(trim_prefix(%s.path, "/"), "/")`, d.http())
	}
	switch {
	case variable == "":
		return []string{d.of(path+" = "+list, list+" = "+path, path+" == "+strings.ReplaceAll(list, "_", `"a"`))}
	case d.chance(30):
		d.feature("segment equals claim")
		return []string{list + " = " + path, variable + " == " + d.claims() + ".sub"}
	}
	test := d.test(term{variable, "segment:1"})
	return []string{list + " = " + path, test}
}

// some draws one of a folded list.
func (d *Drawer) some() []string {
	t := d.plainText()
	x := d.name("x")
	kind := d.IntN(4)
	if kind == 3 {
		return d.table(t)
	}
	d.feature("some in")
	var words []string
	for range 1 + d.IntN(4) {
		w := d.of(d.prefixes(t)...)
		d.atom(t.input, w)
		words = append(words, quote(w))
	}
	list := "[" + strings.Join(words, ", ") + "]"
	if d.chance(60) {
		name := d.name("words")
		var items []any
		for _, w := range words {
			items = append(items, plain(w))
		}
		d.p.Data[name], list = items, "data."+name
	}
	test := []string{fmt.Sprintf("startswith(%s, %s)", t.text, x), fmt.Sprintf("%s == %s", t.text, x), fmt.Sprintf("contains(%s, %s)", t.text, x)}[kind]
	if d.chance(40) {
		i := d.name("i")
		return []string{"some " + i, fmt.Sprintf("%s := %s[%s]", x, list, i), test}
	}
	return []string{fmt.Sprintf("some %s in %s", x, list), test}
}

// table looks a request up in an object of lists or of objects.
func (d *Drawer) table(t term) []string {
	d.feature("table in data")
	other := d.plainText()
	name, table := d.name("table"), map[string]any{}
	for range 1 + d.IntN(3) {
		var items []any
		for range 1 + d.IntN(3) {
			w := d.of(wordsOf(other.input)...)
			d.atom(other.input, w)
			items = append(items, w)
		}
		key := d.of(wordsOf(t.input)...)
		d.atom(t.input, key)
		table[key] = items
	}
	d.p.Data[name] = table
	switch d.IntN(4) {
	case 0:
		return []string{fmt.Sprintf("data.%s[%s][_] == %s", name, t.text, other.text)}
	case 1:
		return []string{fmt.Sprintf("%s in data.%s[%s]", other.text, name, t.text)}
	case 2:
		k, l := d.name("k"), d.name("l")
		return []string{fmt.Sprintf("some %s, %s in data.%s", k, l, name), fmt.Sprintf("%s == %s", k, t.text), fmt.Sprintf("%s in %s", other.text, l)}
	}
	k := d.name("k")
	return []string{"some " + k, fmt.Sprintf("data.%s[%s][_] == %s", name, k, other.text), fmt.Sprintf("startswith(%s, %s)", t.text, k)}
}

func (d *Drawer) every() string {
	d.feature("every")
	t, x := d.plainText(), d.name("x")
	var items []string
	for range d.IntN(3) {
		w := d.of(d.insides(t)...)
		d.atom(t.input, w)
		items = append(items, quote(w))
	}
	list := "[" + strings.Join(items, ", ") + "]"
	test := d.of(fmt.Sprintf("contains(%s, %s)", t.text, x), fmt.Sprintf("not startswith(%s, %s)", t.text, x), fmt.Sprintf("%s != %s", t.text, x))
	return fmt.Sprintf("every %s in %s { %s }", x, list, test)
}

// variable names a value, and tests it.
func (d *Drawer) variable() []string {
	d.feature("variable")
	t, v := d.text(), d.name("v")
	assign := fmt.Sprintf("%s %s %s", v, d.of(":=", ":=", "="), t.text)
	out := []string{assign, d.test(term{v, t.input})}
	if d.chance(30) {
		out = append(out, d.test(term{v, t.input}))
	}
	return out
}

// window is about the time: long ago, and far ahead.
func (d *Drawer) window() string {
	d.feature("time window")
	return d.of("time.now_ns() > 1000000000", "time.now_ns() < 1000000000", "time.now_ns() < 4102444800000000000", "time.now_ns() >= 4102444800000000000",
		`time.now_ns() < time.parse_rfc3339_ns("2099-01-01T00:00:00Z")`, `time.now_ns() > time.parse_rfc3339_ns("2020-01-01T00:00:00Z")`)
}

// unlowerable is what a proxy cannot decide exactly.
func (d *Drawer) unlowerable() []string {
	d.feature("unlowerable")
	h := d.http()
	one := func(s string) func() []string { return func() []string { return []string{s} } }
	x := d.name("u")
	return choose(d, []choice[[]string]{
		{2, one(fmt.Sprintf(`[_, %s, _] := io.jwt.decode(trim_prefix(%s.headers.authorization, "Bearer "))`, x, h) + fmt.Sprintf("\n\t%s.sub == \"alice\"", x))},
		{2, one(fmt.Sprintf("base64.decode(%s.headers[\"x-a\"]) == \"alice\"", h))},
		{2, one(fmt.Sprintf("json.unmarshal(%s.headers[\"x-a\"]).role == \"admin\"", h))},
		{2, one(fmt.Sprintf("crypto.sha256(%s.path) != \"\"", h))},
		{2, one(fmt.Sprintf("some %s in %s.headers\n\t%s == \"admin\"", x, h, x))},
		{2, one(fmt.Sprintf("count([%s | %s := %s.headers[_]; startswith(%s, \"adm\")]) > 0", x, x, h, x))},
		{2, one(fmt.Sprintf("%s.headers[lower(%s.method)] == \"a\"", h, h))},
		{1, one("input.parsed_body.a == \"b\"")},
		{1, one(fmt.Sprintf("count(input.parsed_path) < count(%s.headers)", h))},
		{2, one(fmt.Sprintf("%s.headers[\"x-a\"] < %s.headers[\"x-user\"]", h, h))},
		{1, one("rand.intn(\"fuzz\", 1) == 0")},
		{1, one(fmt.Sprintf("regex.find_n(\"[a-z]+\", %s.path, 1)[0] == \"a\"", h))},
		{1, one("walk(input.parsed_path, [[0], \"a\"])")},
		{1, one(fmt.Sprintf("concat(%s.method, [%s.path, \"a\"]) == \"/aGETa\"", h, h))},
	})
}
