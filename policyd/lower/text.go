package lower

import (
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// shape says which part of a text a leaf is, or how its letters are changed.
// Its tests are regular expressions of the whole text.
type shape struct {
	before, after string // what stands around it
	sep           byte   // a byte that it cannot have; 0: none
	first         bool   // nothing but lead stands before it, and sep or nothing after it
	lead          string
	fold          byte // 'l', 'u': in lower, or upper, case
	part          int  // it is this one of a path's parts, from 1; 0: it is none
}

// any tells whether a leaf is anything but the whole value.
func (s shape) any() bool { return s != shape{} }

// trimmed tells what follows a prefix, and nothing else.
func (s shape) trimmed() bool {
	return s == shape{before: quoteText(s.lead), first: true, lead: s.lead}
}

// text is a leaf with constants around it: what concat and sprintf make.
type text struct {
	pre  string
	part leaf
	post string
}

func (t text) equal(m *machine, s string) *cond {
	if len(s) < len(t.pre)+len(t.post) || !strings.HasPrefix(s, t.pre) || !strings.HasSuffix(s, t.post) {
		return never
	}
	return m.equalConstant(t.part, ast.String(s[len(t.pre):len(s)-len(t.post)]))
}

const anyByte = `[\x00-\xff]*`

// anyText stands for any text that a shape can have.
const anyText = "\x00any"

// shaped is a test that the part is in a language, given as a regular
// expression over bytes.
func (l leaf) shaped(pattern string) *cond {
	if pattern == anyText {
		pattern = l.shape.anything()
	}
	return newTest(l.in, model.TestRegex, l.shape.before+pattern+l.shape.after)
}

func (s shape) anything() string {
	if s.sep == 0 {
		return anyByte
	}
	return "[^" + classByte(s.sep) + "]*"
}

// literal writes a text as a regular expression; false: the part is never it.
func (s shape) literal(text string) (string, bool) {
	if s.sep != 0 && strings.IndexByte(text, s.sep) >= 0 {
		return "", false
	}
	var b strings.Builder
	for _, r := range text {
		if s.fold == 0 || !isLetter(r) {
			b.WriteString(quoteRune(r))
			continue
		}
		if (s.fold == 'l') != (r >= 'a') {
			return "", false
		}
		b.WriteString(caseClass(r))
	}
	return b.String(), true
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// caseClass matches all that has the letter as its other case, too: K is also
// the Kelvin sign's lower case, I and S have two of their own.
func caseClass(r rune) string {
	pair := string([]rune{r, r ^ 0x20})
	switch r {
	case 'k':
		return `(?:[kK]|` + quoteText("\u212A") + `)`
	case 'i':
		return `(?:[iI]|` + quoteText("\u0130") + `)`
	case 'I':
		return `(?:[iI]|` + quoteText("\u0131") + `)`
	case 'S':
		return `(?:[sS]|` + quoteText("\u017F") + `)`
	}
	return "[" + pair + "]"
}

// textTest compares a text with constants, byte by byte.
func (m *machine) textTest(l leaf, how model.TestOp, values []string) *cond {
	if l.kind == kindAddress {
		return m.addressTest(l, how, values)
	}
	if l.kind == kindText {
		m.guardText(l, values)
	}
	if l.shape.any() {
		return m.shapedTest(l, how, values)
	}
	if l.emptyAbsent {
		t := test{how: how, values: values}
		if how == model.TestIn {
			kept := make([]string, 0, len(values))
			for _, v := range values {
				if v != "" {
					kept = append(kept, v)
				}
			}
			values = kept
		} else if t.holds("") {
			return present(l)
		}
	}
	return newTest(l.in, how, values...)
}

// guardText: of bytes that are no UTF-8 policyd sees "!".
func (m *machine) guardText(l leaf, values []string) {
	for _, v := range values {
		if strings.Contains(v, "!") {
			m.guardBytes(l.in)
			return
		}
	}
}

// guardBytes: what is not ASCII is asked about.
func (m *machine) guardBytes(in input) {
	if in.Kind == model.InputClaim || in.why != nil {
		return
	}
	m.guard(newTest(in, model.TestRegex, anyByte+`[\x80-\xff]`+anyByte))
}

// shapedTest is textTest of a part of a text.
func (m *machine) shapedTest(l leaf, how model.TestOp, values []string) *cond {
	var ways []*cond
	for _, v := range values {
		if l.shape.fold != 0 && strings.ContainsFunc(v, func(r rune) bool { return r >= utf8.RuneSelf }) {
			ways = append(ways, stopped(stopAt(nil, l.in.ref, "letters beyond ASCII in another case")))
			continue
		}
		if l.shape.first && l.shape.fold == 0 && (l.shape.sep == 0 || strings.IndexByte(v, l.shape.sep) < 0) {
			lead := l.shape.lead + v
			if how == model.TestIn && l.shape.sep == 0 {
				ways = append(ways, newTest(l.in, how, lead))
				continue
			}
			if how == model.TestIn {
				ways = append(ways, newTest(l.in, how, lead), newTest(l.in, model.TestPrefix, lead+string(l.shape.sep)))
				continue
			}
			if how == model.TestPrefix {
				ways = append(ways, newTest(l.in, how, lead))
				continue
			}
		}
		pattern, ok := l.shape.literal(v)
		if !ok {
			continue
		}
		rest := l.shape.anything()
		switch how {
		case model.TestPrefix:
			pattern += rest
		case model.TestSuffix:
			pattern = rest + pattern
		case model.TestContains:
			pattern = rest + pattern + rest
		}
		ways = append(ways, l.shaped(pattern))
	}
	return or(ways...)
}
