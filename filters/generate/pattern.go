package generate

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/krater-mesh/krater/filters/sdk"
)

// The bounds of a pattern's table: it is part of the module.
const (
	maxStates = 256
	maxEdges  = 4096
)

// compile makes a regular expression a table of states.
func compile(source string) (sdk.Pattern, error) {
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return sdk.Pattern{}, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return sdk.Pattern{}, err
	}
	for _, i := range prog.Inst {
		if i.Op == syntax.InstEmptyWidth && syntax.EmptyOp(i.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
			return sdk.Pattern{}, errors.New(`only "^" and "$", of the whole text, stand between characters`)
		}
	}
	t := &table{prog: prog, index: map[string]rune{}}
	t.state([]uint32{uint32(prog.Start)}, true)
	edges := 0
	for i := 0; i < len(t.sets); i++ {
		if len(t.sets) > maxStates || edges > maxEdges {
			return sdk.Pattern{}, fmt.Errorf("its table has more than %d states or %d edges: say it in Validate()", maxStates, maxEdges)
		}
		t.expand(i)
		edges += len(t.states[i].Edges)
	}
	return sdk.Pattern{Source: source, States: t.states}, nil
}

// table is the subset construction, as far as it came.
type table struct {
	prog   *syntax.Prog
	index  map[string]rune
	sets   []set
	states []sdk.State
}

// set is where a text may stand within the expression.
type set struct {
	at    []uint32
	first bool // at the start of the text
}

func (t *table) state(at []uint32, first bool) rune {
	slices.Sort(at)
	at = slices.Compact(at)
	key := fmt.Sprint(at, first)
	if n, ok := t.index[key]; ok {
		return n
	}
	n := rune(len(t.sets))
	t.index[key] = n
	t.sets = append(t.sets, set{at, first})
	t.states = append(t.states, sdk.State{})
	return n
}

// follow gives the instructions that take a character, and whether the
// expression ends here, with what is known of the place.
func (t *table) follow(s set, end bool) (takes []*syntax.Inst, matches bool) {
	var flags syntax.EmptyOp
	if s.first {
		flags |= syntax.EmptyBeginText
	}
	if end {
		flags |= syntax.EmptyEndText
	}
	seen := map[uint32]bool{}
	var walk func(uint32)
	walk = func(at uint32) {
		if seen[at] {
			return
		}
		seen[at] = true
		switch i := &t.prog.Inst[at]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			walk(i.Out)
			walk(i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			walk(i.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(i.Arg)&^flags == 0 {
				walk(i.Out)
			}
		case syntax.InstMatch:
			matches = true
		case syntax.InstFail:
		default:
			takes = append(takes, i)
		}
	}
	for _, at := range s.at {
		walk(at)
	}
	return takes, matches
}

// expand finds the edges of a state: between the bounds of all that its
// instructions take, every character leads to the same state.
func (t *table) expand(n int) {
	s := t.sets[n]
	takes, sure := t.follow(s, false)
	if sure {
		t.states[n] = sdk.State{End: true, Sure: true}
		return
	}
	_, end := t.follow(s, true)
	bounds := []rune{0, unicode.MaxRune + 1}
	for _, i := range takes {
		for _, r := range ranges(i) {
			bounds = append(bounds, r[0], r[1]+1)
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	var edges []sdk.Edge
	for k := 0; k+1 < len(bounds); k++ {
		next, ok := t.after(takes, bounds[k])
		if !ok {
			continue
		}
		if last := len(edges) - 1; last >= 0 && edges[last][2] == next && edges[last][1]+1 == bounds[k] {
			edges[last][1] = bounds[k+1] - 1
			continue
		}
		edges = append(edges, sdk.Edge{bounds[k], bounds[k+1] - 1, next})
	}
	t.states[n] = sdk.State{End: end, Edges: edges}
}

// after is the state behind a character; ok is false where nothing matches any
// more. A match may begin at every character.
func (t *table) after(takes []*syntax.Inst, r rune) (rune, bool) {
	next := set{at: []uint32{uint32(t.prog.Start)}}
	for _, i := range takes {
		if slices.ContainsFunc(ranges(i), func(x [2]rune) bool { return r >= x[0] && r <= x[1] }) {
			next.at = append(next.at, i.Out)
		}
	}
	if more, _ := t.follow(next, false); len(more) == 0 {
		if _, end := t.follow(next, true); !end {
			return 0, false
		}
	}
	return t.state(next.at, false), true
}

// ranges are the characters that an instruction takes.
func ranges(i *syntax.Inst) [][2]rune {
	switch {
	case i.Op == syntax.InstRuneAny:
		return [][2]rune{{0, unicode.MaxRune}}
	case i.Op == syntax.InstRuneAnyNotNL:
		return [][2]rune{{0, '\n' - 1}, {'\n' + 1, unicode.MaxRune}}
	case len(i.Rune) == 1:
		out := [][2]rune{{i.Rune[0], i.Rune[0]}}
		if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
			for r := unicode.SimpleFold(i.Rune[0]); r != i.Rune[0]; r = unicode.SimpleFold(r) {
				out = append(out, [2]rune{r, r})
			}
		}
		return out
	}
	var out [][2]rune
	for k := 0; k+1 < len(i.Rune); k += 2 {
		out = append(out, [2]rune{i.Rune[k], i.Rune[k+1]})
	}
	return out
}

// patternSource is a pattern in Go.
func patternSource(p sdk.Pattern) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sdk.Pattern{Source: %s, States: []sdk.State{\n", strconv.Quote(p.Source))
	for _, s := range p.States {
		var parts []string
		if s.End {
			parts = append(parts, "End: true")
		}
		if s.Sure {
			parts = append(parts, "Sure: true")
		}
		if len(s.Edges) > 0 {
			var edges []string
			for _, e := range s.Edges {
				edges = append(edges, fmt.Sprintf("{%d, %d, %d}", e[0], e[1], e[2]))
			}
			parts = append(parts, "Edges: []sdk.Edge{"+strings.Join(edges, ", ")+"}")
		}
		fmt.Fprintf(&b, "\t{%s},\n", strings.Join(parts, ", "))
	}
	return b.String() + "}}"
}
