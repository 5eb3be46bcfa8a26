package fuzzlower

import (
	"fmt"
	"strings"
)

// test is one expression about a term, without variables of its own.
func (d *Drawer) test(t term) string {
	word := func(list []string) string {
		w := list[d.IntN(len(list))]
		return w
	}
	quoted := func(list []string) string {
		w := word(list)
		d.atom(t.input, w)
		return quote(w)
	}
	return choose(d, []choice[string]{
		{26, func() string { d.feature("=="); return d.sides(t.text, "==", d.literal(t)) }},
		{8, func() string { d.feature("!="); return d.sides(t.text, "!=", d.literal(t)) }},
		{8, func() string { d.feature("in set"); return fmt.Sprintf("%s in {%s}", t.text, d.list(t)) }},
		{5, func() string { d.feature("in array"); return fmt.Sprintf("%s in [%s]", t.text, d.list(t)) }},
		{3, func() string {
			if d.locked {
				return d.sides(t.text, "==", d.literal(t))
			}
			d.feature("[_] ==")
			return fmt.Sprintf("[%s][_] == %s", d.list(t), t.text)
		}},
		{10, func() string {
			d.feature("startswith")
			return fmt.Sprintf("startswith(%s, %s)", t.text, quoted(d.prefixes(t)))
		}},
		{6, func() string {
			d.feature("endswith")
			return fmt.Sprintf("endswith(%s, %s)", t.text, quoted(d.suffixes(t)))
		}},
		{6, func() string {
			d.feature("contains")
			return fmt.Sprintf("contains(%s, %s)", t.text, quoted(d.insides(t)))
		}},
		{5, func() string { d.feature("glob.match"); return d.glob(t) }},
		{7, func() string { d.feature("regex.match"); return d.regex(t) }},
		{2, func() string {
			d.feature("strings.any_prefix_match")
			return fmt.Sprintf("strings.any_prefix_match(%s, [%s, %s])", t.text, quoted(d.prefixes(t)), quoted(d.prefixes(t)))
		}},
		{3, func() string {
			d.feature("order of texts")
			return d.sides(t.text, d.of("<", "<=", ">", ">="), d.literal(t))
		}},
		{2, func() string { d.feature("any text"); return t.text }},
		{1, func() string {
			d.feature("is_string")
			return fmt.Sprintf("%s(%s)", d.of("is_string", "is_number", "is_null"), t.text)
		}},
		{3, func() string { return d.inData(t) }},
	})
}

// sides puts the constant on either side.
func (d *Drawer) sides(a, op, b string) string {
	if d.chance(15) && (op == "==" || op == "!=") {
		a, b = b, a
	}
	return a + " " + op + " " + b
}

func (d *Drawer) list(t term) string {
	n := 1 + d.IntN(4)
	if d.chance(4) {
		n = 0
		if d.chance(50) {
			n = 30
		}
	}
	items := make([]string, 0, n+1)
	for range n {
		items = append(items, d.literal(term{"", t.input}))
	}
	if n == 0 {
		items = append(items, quote("z"))
	}
	return strings.Join(items, ", ")
}

func (d *Drawer) prefixes(t term) []string {
	if t.input == "path" {
		return wordsPrefix
	}
	return cut(wordsOf(t.input), func(s string) string { return s[:(len(s)+1)/2] })
}

func (d *Drawer) suffixes(t term) []string {
	if t.input == "path" {
		return wordsSuffix
	}
	return cut(wordsOf(t.input), func(s string) string { return s[len(s)/2:] })
}

func (d *Drawer) insides(t term) []string {
	if t.input == "path" {
		return wordsInside
	}
	return cut(wordsOf(t.input), func(s string) string { return s[len(s)/3 : (2*len(s)+2)/3] })
}

func cut(list []string, how func(string) string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToValidUTF8(how(s), "")
	}
	return out
}

func (d *Drawer) glob(t term) string {
	pattern := d.of(wordsGlob...)
	d.atom(t.input, strings.NewReplacer("**", "x/y", "*", "x", "?", "b", "{alice,bob}", "alice", "[a-c]", "b", "[!a]", "b").Replace(pattern))
	delimiters := d.of("[]", "null", `["/"]`, `["/"]`, `["."]`, `["/", "."]`, `[":"]`)
	return fmt.Sprintf("glob.match(%s, %s, %s)", quote(pattern), delimiters, t.text)
}

func (d *Drawer) regex(t term) string {
	pattern := d.of(wordsRegex...)
	if d.chance(30) {
		word := d.of(wordsOf(t.input)...)
		pattern = d.of("^", "") + strings.NewReplacer(".", `\.`, "?", `\?`).Replace(word) + d.of("$", "", ".*", ".*$")
		d.atom(t.input, word)
	} else {
		d.atom(t.input, strings.NewReplacer("^", "", "$", "", ".*", "x", `\.`, ".", `\?`, "?", "[0-9]+", "1", "[^/]+", "alice", "(?i)", "").Replace(pattern))
	}
	if i := strings.IndexByte(pattern, '.'); i >= 0 && d.chance(40) { // a letter of two bytes, and a byte that is none
		d.atom(t.input, strings.NewReplacer("^", "", "$", "", "*", "", "(?s)", "").Replace(pattern[:i]+d.of("é", "\xe9", "x")+pattern[i+1:]))
	}
	if d.chance(50) && !strings.ContainsRune(pattern, '`') {
		return fmt.Sprintf("regex.match(`%s`, %s)", pattern, t.text)
	}
	return fmt.Sprintf("regex.match(%s, %s)", quote(pattern), t.text)
}

// inData holds a term against the data document.
func (d *Drawer) inData(t term) string {
	d.feature("data")
	var items []any
	for range 1 + d.IntN(5) {
		w := d.of(wordsOf(t.input)...)
		d.atom(t.input, w)
		items = append(items, w)
	}
	name := d.name("list")
	if d.chance(50) {
		d.p.Data[name] = items
		return fmt.Sprintf("%s in data.%s", t.text, name)
	}
	object := map[string]any{}
	for _, i := range items {
		object[i.(string)] = choose(d, []choice[any]{{6, func() any { return true }}, {2, func() any { return false }}, {1, func() any { return nil }}, {2, func() any { return "yes" }}})
	}
	d.p.Data[name] = object
	return fmt.Sprintf("data.%s[%s]", name, t.text)
}

// numberTest is one expression about a number.
func (d *Drawer) numberTest(t term) string {
	d.feature("comparison of numbers")
	word := d.of(wordsNumber...)
	if t.input == "segments" {
		word = d.of("0", "1", "2", "3", "4")
	}
	d.atom(t.input, word)
	if d.chance(10) {
		d.feature("number with text")
		word = quote(word)
	}
	if d.chance(8) {
		d.feature("arithmetic")
		return fmt.Sprintf("%s %s %s %s %s", t.text, d.of("+", "-", "*"), d.of("1", "2", "0"), d.of("<", "==", ">="), word)
	}
	return d.sides(t.text, d.of("<", "<=", ">", ">=", "==", "!="), word)
}

// valueTest is about values that are no texts: claims.
func (d *Drawer) valueTest() string {
	name := d.of("verified", "flag", "tenant.active")
	d.feature("claim of another type")
	d.p.Atoms = append(d.p.Atoms, Atom{Input: "claimvalue:" + name})
	text := d.claims() + "." + name
	return choose(d, []choice[string]{
		{4, func() string { return text }},
		{4, func() string { return text + " == true" }},
		{2, func() string { return text + " == false" }},
		{2, func() string { return text + " == null" }},
		{2, func() string { return text + " != false" }},
		{1, func() string { return text + ` == "true"` }},
		{1, func() string { return "not " + text + " == true" }},
		{1, func() string { return fmt.Sprintf("is_boolean(%s)", text) }},
		{4, func() string {
			d.feature("role in a claim's list")
			role := d.of(wordsRoles...)
			d.p.Atoms = append(d.p.Atoms, Atom{Input: "claimlist:roles", Text: role})
			return d.of(fmt.Sprintf("%s in %s.roles", quote(role), d.claims()), fmt.Sprintf("%s.roles[_] == %s", d.claims(), quote(role)))
		}},
	})
}
