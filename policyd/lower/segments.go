package lower

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// segments are the parts of a text between separators: input.parsed_path, or
// what split makes.
type segments struct {
	in   input
	lead string // what stands before the first part
	sep  byte
	when *cond // it is there
}

// parsedPath is input.parsed_path: where no byte is escaped, and one slash
// begins it, the path itself. Others are guarded.
func parsedPath(ref string) segments {
	return segments{in: newInput(model.ProxyInput{Kind: model.InputPath}, ref), lead: "/", sep: '/', when: always}
}

// guarded says which paths are not what they look like.
func (g segments) guarded(m *machine) segments {
	if g.in.Kind == model.InputPath {
		m.guard(or(newTest(g.in, model.TestContains, "%"), not(newTest(g.in, model.TestPrefix, "/")), newTest(g.in, model.TestPrefix, "//")))
	}
	return g
}

func (g segments) one() string { return "[^" + classByte(g.sep) + "]*" }
func (g segments) cut() string { return quoteByte(g.sep) }

// at is the i-th part.
func (g segments) at(i int) leaf {
	s := shape{before: quoteText(g.lead), after: "(?:" + g.cut() + anyByte + ")?", sep: g.sep, first: i == 0, lead: g.lead}
	if g.in.Kind == model.InputPath {
		s.part = i + 1
	}
	if i > 0 {
		s.before += fmt.Sprintf("(?:%s%s){%d}", g.one(), g.cut(), i)
	}
	return leaf{in: g.in, kind: kindText, shape: s}
}

// some is one of the parts, each in its turn.
func (g segments) some(m *machine) leaf {
	g.guarded(m)
	m.looks++
	in := g.in
	in.item, in.key = m.looks, in.key+"\x02"+intText(m.looks)
	s := shape{before: quoteText(g.lead) + "(?:" + anyByte + g.cut() + ")?", after: "(?:" + g.cut() + anyByte + ")?", sep: g.sep}
	return leaf{in: in, kind: kindText, shape: s}
}

// segment looks a part up by its place.
func (m *machine) segment(g segments, key value, at *ast.Location, on func(*cond, value)) {
	if f, ok := key.(fromEnd); ok && f.of.in.key == g.in.key && f.of.lead == g.lead && f.of.sep == g.sep {
		g.guarded(m)
		l := f.last()
		on(present(l), l)
		return
	}
	k, ok := ground(key)
	if !ok {
		stop := stopAt(at, g.in.ref, "a part of a text, at a place that the request says")
		on(stopped(stop), opaque{stop})
		return
	}
	n, ok := k.(ast.Number)
	if !ok {
		return
	}
	i, ok := n.Int()
	if !ok || i < 0 {
		return
	}
	if i > maxRepeat {
		stop := stopAt(at, g.in.ref, "a place too far behind")
		on(stopped(stop), opaque{stop})
		return
	}
	g.guarded(m)
	l := g.at(i)
	on(present(l), l)
}

// maxRepeat bounds a count in a regular expression.
const maxRepeat = 100

// equalSegments compares all parts.
func (m *machine) equalSegments(g segments, items []value) *cond {
	words, all := make([]string, len(items)), []*cond{g.guarded(m).when}
	for i, item := range items {
		k, ok := item.(known)
		if !ok {
			all = append(all, m.equal(g.at(i), item))
			continue
		}
		s, ok := k.v.(ast.String)
		if !ok || strings.IndexByte(string(s), g.sep) >= 0 {
			return never
		}
		words[i] = string(s)
	}
	return and(append(all, m.wordsTest(g, items, words))...)
}

// wordsTest: there are as many parts as items, and those that are known are
// the words.
func (m *machine) wordsTest(g segments, items []value, words []string) *cond {
	if len(items) == 0 || len(items) > maxRepeat {
		return never
	}
	var pattern strings.Builder
	pattern.WriteString(quoteText(g.lead))
	whole := true
	for i, item := range items {
		if i > 0 {
			pattern.WriteString(g.cut())
		}
		if _, ok := item.(known); ok {
			pattern.WriteString(quoteText(words[i]))
		} else {
			pattern.WriteString(g.one())
			whole = false
		}
	}
	l := leaf{in: g.in, kind: kindText}
	m.guardText(l, words)
	if whole {
		return newTest(g.in, model.TestIn, g.lead+strings.Join(words, string(g.sep)))
	}
	return newTest(g.in, model.TestRegex, pattern.String())
}

// count is how many parts there are, compared with a number.
func (g segments) count(m *machine, op string, n int) *cond {
	g.guarded(m)
	least := func(k int) *cond { // at least so many
		switch {
		case k <= 1:
			return g.when
		case k > maxRepeat:
			return stopped(stopAt(nil, g.in.ref, "so many parts are not counted"))
		}
		return and(g.when, newTest(g.in, model.TestRegex, fmt.Sprintf("%s%s(?:%s%s){%d}%s", quoteText(g.lead), g.one(), g.cut(), g.one(), k-1, anyByte)))
	}
	switch op {
	case "<":
		return and(g.when, not(least(n)))
	case "<=":
		return and(g.when, not(least(n+1)))
	case ">":
		return least(n + 1)
	case ">=":
		return least(n)
	}
	if n < 1 || n > maxRepeat {
		return never
	}
	return and(g.when, newTest(g.in, model.TestRegex, fmt.Sprintf("%s%s(?:%s%s){%d}", quoteText(g.lead), g.one(), g.cut(), g.one(), n-1)))
}
