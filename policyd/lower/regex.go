package lower

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/krater-mesh/krater/model"
)

// regexMatch is regex.match(pattern, text): a search, where a proxy matches
// the whole.
func regexMatch(c call) []outcome {
	pattern, ok := c.constant(0)
	l, isLeaf := c.args[1].(leaf)
	if !ok || !isLeaf || l.kind == kindAddress {
		return c.stop("an expression, or a text, that is made of the request")
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil { // the built-in fails: it is undefined
		return nil
	}
	yes := c.m.regexTest(l, re)
	return relation(yes, and(isText(l), not(yes)))
}

// regexTest searches a text of the request.
func (m *machine) regexTest(l leaf, re *syntax.Regexp) *cond {
	if l.shape.fold != 0 {
		return stopped(stopAt(nil, l.in.ref, "an expression over a text in another case"))
	}
	p := printer{claim: l.in.Kind == model.InputClaim, part: l.shape.any(), exclude: l.shape.sep}
	var ways []*cond
	for _, alternative := range topAlternatives(re) {
		ways = append(ways, m.searched(l, alternative, &p))
	}
	if p.bad != "" {
		return stopped(stopAt(nil, l.in.ref, p.bad))
	}
	if p.runes {
		m.guardASCII(l.in)
	}
	return or(ways...)
}

// guardASCII: a letter beyond ASCII is one to OPA, and several bytes to a proxy.
func (m *machine) guardASCII(in input) {
	if in.why == nil {
		m.guard(newTest(input{ProxyInput: in.ProxyInput, ref: in.ref, key: cutItem(in.key)}, model.TestRegex, anyByte+`[\x80-\xff]`+anyByte))
	}
}

func cutItem(key string) string {
	base, _, _ := strings.Cut(key, "\x02")
	return base
}

func topAlternatives(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return topAlternatives(re.Sub[0])
	case syntax.OpAlternate:
		var out []*syntax.Regexp
		for _, sub := range re.Sub {
			out = append(out, topAlternatives(sub)...)
		}
		return out
	}
	return []*syntax.Regexp{re}
}

// searched is one alternative: what is not tied to the beginning or the end
// may have anything there. Plain texts need no expression.
func (m *machine) searched(l leaf, re *syntax.Regexp, p *printer) *cond {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	begin := len(parts) > 0 && parts[0].Op == syntax.OpBeginText
	if begin {
		parts = parts[1:]
	}
	end := len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText
	if end {
		parts = parts[:len(parts)-1]
	}
	if n := len(parts); n > 0 && !end && isAnything(parts[n-1]) {
		parts = parts[:n-1]
	}
	if len(parts) > 0 && !begin && isAnything(parts[0]) {
		parts = parts[1:]
	}
	if literal, ok := plainText(parts); ok {
		how := map[[2]bool]model.TestOp{{true, true}: model.TestIn, {true, false}: model.TestPrefix, {false, true}: model.TestSuffix, {false, false}: model.TestContains}
		return m.textTest(l, how[[2]bool{begin, end}], []string{literal})
	}
	var b strings.Builder
	rest := l.shape.anything()
	if !begin {
		b.WriteString(rest)
	}
	for _, part := range parts {
		p.print(&b, part)
	}
	if !end {
		b.WriteString(rest)
	}
	c := l.shaped(b.String())
	if l.emptyAbsent && !l.shape.any() {
		c = and(c, present(l))
	}
	return c
}

// isAnything tells ".*", of values that have no line breaks, or all of them.
func isAnything(re *syntax.Regexp) bool {
	return re.Op == syntax.OpStar && re.Sub[0].Op == syntax.OpAnyChar
}

func plainText(parts []*syntax.Regexp) (string, bool) {
	switch {
	case len(parts) == 0:
		return "", true
	case len(parts) > 1 || parts[0].Op != syntax.OpLiteral || parts[0].Flags&syntax.FoldCase != 0:
		return "", false
	}
	return string(parts[0].Rune), !slices.Contains(parts[0].Rune, unicode.ReplacementChar)
}

// printer writes an expression over bytes.
type printer struct {
	claim   bool   // no byte is "!" that is not one
	part    bool   // it matches a part of a text
	exclude byte   // which the part cannot have
	runes   bool   // it means other things for bytes beyond ASCII
	bad     string // why it cannot be written
}

func (p *printer) print(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpNoMatch:
		b.WriteString(`[^\x00-\xff]`)
	case syntax.OpEmptyMatch:
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			p.literal(b, r, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		p.class(b, re.Rune, false)
	case syntax.OpAnyCharNotNL:
		p.class(b, []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}, false)
	case syntax.OpAnyChar:
		p.class(b, []rune{0, unicode.MaxRune}, false)
	case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpEndText, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		p.assertion(b, re.Op)
	case syntax.OpCapture:
		p.group(b, re.Sub[0], "")
	case syntax.OpStar:
		p.repeated(b, re.Sub[0], "*")
	case syntax.OpPlus:
		p.repeated(b, re.Sub[0], "+")
	case syntax.OpQuest:
		p.group(b, re.Sub[0], "?")
	case syntax.OpRepeat:
		switch {
		case re.Max == re.Min:
			p.group(b, re.Sub[0], fmt.Sprintf("{%d}", re.Min))
		case re.Max < 0:
			p.group(b, re.Sub[0], fmt.Sprintf("{%d,}", re.Min))
		default:
			p.group(b, re.Sub[0], fmt.Sprintf("{%d,%d}", re.Min, re.Max))
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			p.print(b, sub)
		}
	case syntax.OpAlternate:
		b.WriteString("(?:")
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			p.print(b, sub)
		}
		b.WriteByte(')')
	default:
		p.bad = "an expression that is not understood"
	}
}

func (p *printer) group(b *strings.Builder, re *syntax.Regexp, suffix string) {
	b.WriteString("(?:")
	p.print(b, re)
	b.WriteByte(')')
	b.WriteString(suffix)
}

// repeated: a run of any letters beyond ASCII is a run of their bytes.
func (p *printer) repeated(b *strings.Builder, re *syntax.Regexp, suffix string) {
	var ranges []rune
	switch re.Op {
	case syntax.OpCharClass:
		ranges = re.Rune
	case syntax.OpAnyChar:
		ranges = []rune{0, unicode.MaxRune}
	case syntax.OpAnyCharNotNL:
		ranges = []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}
	default:
		p.group(b, re, suffix)
		return
	}
	p.class(b, ranges, true)
	b.WriteString(suffix)
}

func (p *printer) literal(b *strings.Builder, r rune, fold bool) {
	switch {
	case fold && unicode.SimpleFold(r) != r:
		ranges := []rune{r, r}
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			ranges = append(ranges, f, f)
		}
		p.class(b, ranges, false)
	case r >= 0x80 || r == '!' && !p.claim:
		p.runes = true
		b.WriteString("(?:" + quoteRune(r) + ")")
	case p.part && p.exclude != 0 && r == rune(p.exclude):
		b.WriteString(`[^\x00-\xff]`)
	default:
		b.WriteString(quoteByte(byte(r)))
	}
}

// class writes a set of letters. In a run, all letters beyond ASCII together
// are all bytes beyond ASCII.
func (p *printer) class(b *strings.Builder, ranges []rune, run bool) {
	var in [128]bool
	wide, some := false, false
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= min(ranges[i+1], 127); r++ {
			in[r] = true
		}
		wide = wide || ranges[i] <= 0x80 && ranges[i+1] == unicode.MaxRune
		some = some || ranges[i+1] >= 0x80
	}
	switch {
	case some && !(wide && run && (p.claim || in['!'])), !some && in['!'] && !p.claim:
		p.runes = true
	}
	if p.part && p.exclude != 0 {
		in[p.exclude] = false
	}
	b.WriteByte('[')
	none := true
	for lo := 0; lo < 128; lo++ {
		if !in[lo] {
			continue
		}
		hi := lo
		for hi+1 < 128 && in[hi+1] {
			hi++
		}
		none = false
		if b.WriteString(classByte(byte(lo))); hi > lo {
			b.WriteString("-" + classByte(byte(hi)))
		}
		lo = hi
	}
	if wide {
		none = false
		b.WriteString(`\x80-\xff`)
	}
	if none {
		b.WriteString(`^\x00-\xff`)
	}
	b.WriteByte(']')
}

func (p *printer) assertion(b *strings.Builder, op syntax.Op) {
	if p.part {
		p.bad = "an expression that looks at what stands around a part of a text"
		return
	}
	b.WriteString(map[syntax.Op]string{syntax.OpBeginText: "^", syntax.OpEndText: "$", syntax.OpBeginLine: "(?m:^)", syntax.OpEndLine: "(?m:$)",
		syntax.OpWordBoundary: `\b`, syntax.OpNoWordBoundary: `\B`}[op])
}
