package lower

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// globMatch is glob.match(pattern, delimiters, text).
func globMatch(c call) []outcome {
	pattern, ok := c.constant(0)
	delimiters, ok2 := c.delimiters(1)
	l, isLeaf := c.args[2].(leaf)
	if !ok || !ok2 || !isLeaf || l.kind == kindAddress {
		return c.stop("a pattern, or a text, that is made of the request")
	}
	text, ok := globRegex(pattern, delimiters)
	if !ok {
		return c.stop("a pattern that is not understood: *, **, ?, and {a,b} of plain texts are")
	}
	re, err := syntax.Parse("^(?:"+text+")$", syntax.Perl)
	if err != nil {
		return c.stop("a pattern that is not understood")
	}
	yes := c.m.regexTest(l, re)
	return relation(yes, and(isText(l), not(yes)))
}

// delimiters are those of glob.match: null is none, an empty list is a dot.
func (c call) delimiters(i int) (string, bool) {
	g, ok := ground(c.args[i])
	if !ok {
		return "", false
	}
	switch g := g.(type) {
	case ast.Null:
		return "", true
	case *ast.Array:
		if g.Len() == 0 {
			return ".", true
		}
		var out strings.Builder
		for i := range g.Len() {
			s, ok := g.Elem(i).Value.(ast.String)
			if !ok || len(s) != 1 || s[0] >= 0x80 {
				return "", false
			}
			out.WriteString(string(s))
		}
		return out.String(), true
	}
	return "", false
}

// globRegex writes a pattern as an expression; false: it has what is not
// certain to mean the same.
func globRegex(pattern, delimiters string) (string, bool) {
	one := "(?s:.)"
	if delimiters != "" {
		one = "[^" + classText(delimiters) + "]"
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch ch := pattern[i]; ch {
		case '*':
			if strings.HasPrefix(pattern[i:], "***") {
				return "", false
			}
			if strings.HasPrefix(pattern[i:], "**") {
				b.WriteString("(?s:.*)")
				i++
			} else {
				b.WriteString(one + "*")
			}
		case '?':
			b.WriteString(one)
		case '{':
			end := strings.IndexByte(pattern[i:], '}')
			if end < 0 || strings.ContainsAny(pattern[i+1:i+end], `{[]*?\`) {
				return "", false
			}
			var ways []string
			for word := range strings.SplitSeq(pattern[i+1:i+end], ",") {
				ways = append(ways, regexp.QuoteMeta(word))
			}
			b.WriteString("(?:" + strings.Join(ways, "|") + ")")
			i += end
		case '[', ']', '}', '\\', ',':
			return "", false
		default:
			if ch >= 0x80 {
				return "", false
			}
			b.WriteString(regexp.QuoteMeta(string(rune(ch))))
		}
	}
	return b.String(), true
}

func classText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(classByte(s[i]))
	}
	return b.String()
}
