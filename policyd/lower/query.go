package lower

import (
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// params are the values of one query parameter: input.parsed_query.NAME. They
// are read out of :path, where nothing in the query is escaped.
type params struct {
	in   input
	name string
}

var plainParam = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// queryNode is input.parsed_query.
func queryNode() *node {
	return &node{members: map[string]*node{}, other: func(name string) *node {
		if !plainParam.MatchString(name) {
			return lacking("a query parameter's name is more than letters, digits, - and _")
		}
		return &node{param: name}
	}}
}

func newParams(name, ref string) params {
	return params{newInput(model.ProxyInput{Kind: model.InputHeader, Name: ":path"}, ref), name}
}

const (
	untilQuery = `[^?]*\?`
	anyPairs   = `(?:[^&]*&)*`
	// manyPairs is more than any page has; Go reads none of too many.
	manyPairs = `(?:[^&]*&){100}`
)

// guarded says which queries are not what they look like: escaped ones, those
// with the name and no value, and those that a URL's parser may refuse.
func (p params) guarded(m *machine) params {
	like := func(pattern string) { m.guard(newTest(p.in, model.TestRegex, pattern)) }
	like(untilQuery + anyByte + `[%+;]` + anyByte)
	like(untilQuery + anyPairs + p.name + `(?:&` + anyByte + `)?`)
	like(untilQuery + manyPairs + anyByte)
	m.guard(or(not(newTest(p.in, model.TestPrefix, "/")), newTest(p.in, model.TestPrefix, "//")))
	return p
}

// there is when the query has one.
func (p params) there(m *machine) *cond {
	return newTest(p.guarded(m).in, model.TestRegex, untilQuery+anyPairs+p.name+"="+anyByte)
}

// value is one of the values, behind what its pair stands behind.
func (p params) value(before string) leaf {
	return leaf{in: p.in, kind: kindText, shape: shape{before: untilQuery + before + p.name + "=", after: "(?:&" + anyByte + ")?", sep: '&'}}
}

// first is the first of them: no pair before it has the name.
func (p params) first() leaf { return p.value("(?:" + p.otherPair() + "&)*") }

// otherPair matches a pair of another name: one that ends too early, goes on
// otherwise, or is longer.
func (p params) otherPair() string {
	var ways []string
	for i := range len(p.name) {
		begins := p.name[:i]
		ways = append(ways, begins+"(?:=[^&]*)?", begins+"[^&="+classByte(p.name[i])+"][^&]*")
	}
	return "(?:" + strings.Join(append(ways, p.name+"[^&=][^&]*"), "|") + ")"
}

// some is one of them, each in its turn.
func (p params) some(m *machine) leaf {
	m.looks++
	l := p.value(anyPairs)
	l.in.item, l.in.key = m.looks, l.in.key+"\x02"+intText(m.looks)
	return l
}

// param looks one up by its place.
func (m *machine) param(p params, key value, at *ast.Location, on func(*cond, value)) {
	k, ok := ground(key)
	n, isNumber := k.(ast.Number)
	if ok && !isNumber {
		return
	}
	if i, whole := n.Int(); !ok || !whole || i != 0 {
		stop := stopAt(at, p.in.ref, "one item of a list, by its place")
		on(stopped(stop), opaque{stop})
		return
	}
	l := p.first()
	on(present(l), l)
}
