package fuzzlower

import "fmt"

// pair compares two values of the request: a header, a part of the path, a
// claim. Requests are drawn that have both alike.
func (d *Drawer) pair() []string {
	d.feature("two values of a request")
	one := func() term {
		return choose(d, []choice[term]{{5, d.header}, {5, d.segment}, {5, d.claim}, {1, d.plainText}})
	}
	a, b := one(), one()
	word := d.of("alice", "bob", "a", "7", "", "é", "admin")
	d.atom(a.input, word)
	d.atom(b.input, word)
	switch d.IntN(6) {
	case 0:
		return []string{fmt.Sprintf("not %s == %s", a.text, b.text)}
	case 1:
		return []string{fmt.Sprintf("%s != %s", a.text, b.text)}
	case 2:
		x := d.name("x")
		return []string{fmt.Sprintf("%s := %s", x, a.text), fmt.Sprintf("%s == %s", x, b.text)}
	case 3:
		d.feature("pattern of the path")
		x := d.name("id")
		d.atom("path", "/users/"+word)
		return []string{fmt.Sprintf("input.parsed_path = [\"users\", %s]", x), fmt.Sprintf("%s == %s", x, b.text)}
	}
	return []string{fmt.Sprintf("%s == %s", a.text, b.text)}
}

// parameter asks for a query parameter in other ways than by its first value.
func (d *Drawer) parameter() string {
	d.feature("values of a query parameter")
	name, word := d.of(namesQuery...), d.of(wordsQuery...)
	ref := "input.parsed_query." + name
	d.atom("query:"+name, word)
	return d.of(ref, "not "+ref, fmt.Sprintf("%s in %s", quote(word), ref), fmt.Sprintf("%s[_] == %s", ref, quote(word)),
		fmt.Sprintf("not %s in %s", quote(word), ref), fmt.Sprintf("count(%s) == 1", ref), fmt.Sprintf("startswith(%s[_], %s)", ref, quote(word)),
		fmt.Sprintf("%s == [%s]", ref, quote(word)), fmt.Sprintf("%s[1] == %s", ref, quote(word)))
}
