package fuzzlower

import (
	"fmt"
	"strings"
)

// term is an expression, and the input of the request that it is made of.
type term struct {
	text  string
	input string
}

const (
	httpRef = "input.attributes.request.http"
	payload = `input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].payload`
)

// http is the request, by its whole name or as people import it.
func (d *Drawer) http() string {
	if len(d.p.Imports) > 0 && d.chance(60) {
		return "http_request"
	}
	return httpRef
}

// claims is the verified token's payload.
func (d *Drawer) claims() string {
	for _, r := range d.p.Rules {
		if r.Head == "claims" && d.chance(70) {
			return "claims"
		}
	}
	return payload
}

// text draws an expression that is a string where it is anything.
func (d *Drawer) text() term {
	t := d.plainText()
	if d.chance(14) {
		t = d.derived(t)
	}
	return t
}

func (d *Drawer) plainText() term {
	h := d.http()
	return choose(d, []choice[term]{
		{16, func() term { return term{h + ".method", "method"} }},
		{16, func() term { return term{h + ".path", "path"} }},
		{26, d.header},
		{5, func() term { return term{h + ".host", "host"} }},
		{2, func() term { return term{h + ".scheme", "scheme"} }},
		{3, func() term { return term{h + ".protocol", "protocol"} }},
		{4, func() term { return term{"input.attributes.source.address.socketAddress.address", "peer"} }},
		{5, func() term { return term{"input.attributes.source.principal", "principal"} }},
		{3, func() term { return term{"input.attributes.tlsSession.sni", "sni"} }},
		{13, d.claim},
		{9, d.segment},
		{5, d.query},
	})
}

func (d *Drawer) header() term {
	name := d.of(namesHeader...)
	if d.chance(8) {
		name = d.of(":method", ":path", ":authority", ":scheme")
	}
	headers := d.http() + ".headers"
	input := "header:" + name
	if d.chance(12) {
		d.feature("object.get")
		fallback := d.of(wordsHeader...)
		d.atom(input, fallback)
		return term{fmt.Sprintf("object.get(%s, %s, %s)", headers, quote(name), quote(fallback)), input}
	}
	return term{fmt.Sprintf("%s[%s]", headers, quote(name)), input}
}

func (d *Drawer) claim() term {
	name := d.of(namesClaim...)
	d.feature("claim")
	return term{d.claims() + "." + name, "claim:" + name}
}

func (d *Drawer) segment() term {
	d.feature("path segment")
	i := d.IntN(3)
	if d.chance(25) {
		d.feature("split")
		return term{fmt.Sprintf(`split(%s.path, "/")[%d]`, d.http(), i+1), fmt.Sprintf("segment:%d", i)}
	}
	return term{fmt.Sprintf("input.parsed_path[%d]", i), fmt.Sprintf("segment:%d", i)}
}

func (d *Drawer) query() term {
	d.feature("query parameter")
	name := d.of(namesQuery...)
	return term{fmt.Sprintf("input.parsed_query.%s[0]", name), "query:" + name}
}

// derived is a function of a string.
func (d *Drawer) derived(t term) term {
	word := d.of(wordsOf(t.input)...)
	f := choose(d, []choice[string]{
		{6, func() string { return fmt.Sprintf("lower(%s)", t.text) }},
		{2, func() string { return fmt.Sprintf("upper(%s)", t.text) }},
		{2, func() string { return fmt.Sprintf("trim_prefix(%s, %s)", t.text, quote(d.of(wordsPrefix...))) }},
		{1, func() string { return fmt.Sprintf("trim_suffix(%s, %s)", t.text, quote(d.of(wordsSuffix...))) }},
		{1, func() string { return fmt.Sprintf("trim_space(%s)", t.text) }},
		{2, func() string { return fmt.Sprintf("concat(\"\", [%s, %s])", t.text, quote(word)) }},
		{1, func() string { return fmt.Sprintf("replace(%s, \"a\", \"b\")", t.text) }},
		{1, func() string { return fmt.Sprintf("substring(%s, 0, %d)", t.text, 1+d.IntN(4)) }},
		{2, func() string { return fmt.Sprintf("split(%s, %s)[0]", t.text, quote(d.of("?", "/", ",", ":"))) }},
		{1, func() string { return fmt.Sprintf("sprintf(\"%%s\", [%s])", t.text) }},
	})
	d.feature(f[:strings.IndexByte(f, '(')])
	return term{f, t.input}
}

// number draws an expression that is a number where it is anything.
func (d *Drawer) number() term {
	return choose(d, []choice[term]{
		{8, func() term {
			name := d.of("age", "level", "score")
			return term{d.claims() + "." + name, "claimnumber:" + name}
		}},
		{4, func() term {
			d.feature("port")
			return term{"input.attributes.destination.address.socketAddress.portValue", "port"}
		}},
		{4, func() term {
			d.feature("to_number")
			return term{fmt.Sprintf(`to_number(%s.headers["x-num"])`, d.http()), "header:x-num"}
		}},
		{3, func() term {
			d.feature("count of segments")
			return term{"count(input.parsed_path)", "segments"}
		}},
		{1, func() term {
			t := d.plainText()
			d.feature("count of letters")
			return term{fmt.Sprintf("count(%s)", t.text), t.input}
		}},
	})
}

// literal is a constant that an expression is compared with: most are texts.
func (d *Drawer) literal(t term) string {
	switch {
	case d.chance(4):
		d.feature("other type")
		return d.of("7", "true", "false", "null", "[]", "{}", `{"a"}`)
	case d.chance(2) && t.input != "":
		d.feature("two inputs")
		return d.plainText().text
	}
	word := d.of(wordsOf(t.input)...)
	d.atom(t.input, word)
	return quote(word)
}
