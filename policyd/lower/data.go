package lower

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// base is a part of the data document. What is large is kept in its members,
// each with its text: where another document has the same text, it is not read
// again.
type base struct {
	text    string
	value   ast.Value        // nil: members or table
	members map[string]*base // of an object of few, large members
	table   *table           // of an object of many members
}

// table is an object of many members, sorted by their names.
type table struct {
	entries []entry
	index   map[string]int
	ordered bool      // they stand in the text in this order
	whole   ast.Value // made when it is asked for
}

type entry struct {
	name, text string
	from, end  int // where it stands in the object's text
	v          ast.Value
	id         string // tells values apart
}

const (
	smallData = 4 << 10 // bytes that are read as one
	manyNames = 256
)

// readData reads a JSON text; before is what another one came to. false: it is
// no JSON that is certain to be read as OPA reads it.
func readData(text string, before *base) (*base, bool) {
	text = strings.TrimSpace(text)
	if before != nil && before.text == text {
		return before, true
	}
	if len(text) < smallData || text[0] != '{' {
		v, ok := readValue(text)
		return &base{text: text, value: v}, ok
	}
	if t := patchTable(text, before); t != nil {
		return &base{text: text, table: t}, true
	}
	spans, ok := scanMembers(text)
	if !ok {
		return nil, false
	}
	out := &base{text: text}
	if len(spans) > manyNames {
		var old *table
		if before != nil {
			old = before.table
		}
		out.table, ok = readTable(spans, old)
		return out, ok
	}
	out.members = make(map[string]*base, len(spans))
	for _, s := range spans {
		if out.members[s.name] != nil {
			return nil, false
		}
		var old *base
		if before != nil {
			old = before.members[s.name]
		}
		if out.members[s.name], ok = readData(s.text, old); !ok {
			return nil, false
		}
	}
	return out, true
}

func readTable(spans []entry, old *table) (*table, bool) {
	t := &table{entries: spans, ordered: true}
	byName := func(a, b entry) int { return strings.Compare(a.name, b.name) }
	if !slices.IsSortedFunc(spans, byName) {
		t.ordered = false
		slices.SortFunc(spans, byName)
	}
	t.makeIndex()
	for i := range spans {
		s := &spans[i]
		if old != nil {
			// Most entries stand where they stood.
			j, known := i, i < len(old.entries) && old.entries[i].name == s.name
			if !known {
				j, known = old.index[s.name]
			}
			if known && old.entries[j].text == s.text {
				s.v, s.id = old.entries[j].v, old.entries[j].id
				continue
			}
		}
		if !s.read() {
			return nil, false
		}
	}
	return t, len(t.index) == len(spans)
}

func (t *table) makeIndex() {
	t.index = make(map[string]int, len(t.entries))
	for i, e := range t.entries {
		t.index[e.name] = i
	}
}

func (e *entry) read() bool {
	v, ok := readValue(e.text)
	if ok {
		e.v, e.id = v, v.String()
	}
	return ok
}

// readValue reads JSON as policyd does.
func readValue(text string) (ast.Value, bool) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil, false
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, false
	}
	out, err := ast.InterfaceToValue(v)
	return out, err == nil
}

// at is what stands at a path; nil: nothing.
func (b *base) at(path ast.Ref) value {
	for i, key := range path {
		if b.value != nil {
			v := b.value
			for _, t := range path[i:] {
				if v = storedLookup(v, t.Value); v == nil {
					return nil
				}
			}
			return known{v}
		}
		name, ok := key.Value.(ast.String)
		if n, isNumber := key.Value.(ast.Number); isNumber {
			name, ok = ast.String(n.String()), true
		}
		if !ok {
			return nil
		}
		if b.table != nil {
			v := b.table.get(string(name))
			for _, t := range path[i+1:] {
				if v == nil {
					return nil
				}
				v = storedLookup(v, t.Value)
			}
			if v == nil {
				return nil
			}
			return known{v}
		}
		if b = b.members[string(name)]; b == nil {
			return nil
		}
	}
	if b.table != nil {
		return b.table
	}
	return known{b.object()}
}

// object is all of it as one value.
func (b *base) object() ast.Value {
	switch {
	case b.value != nil:
		return b.value
	case b.table != nil:
		return b.table.object()
	}
	out := ast.NewObject()
	for name, m := range b.members {
		out.Insert(ast.StringTerm(name), ast.NewTerm(m.object()))
	}
	return out
}

func (t *table) get(name string) ast.Value {
	if i, ok := t.index[name]; ok {
		return t.entries[i].v
	}
	return nil
}

func (t *table) object() ast.Value {
	if t.whole == nil {
		items := make([][2]*ast.Term, len(t.entries))
		for i, e := range t.entries {
			items[i] = [2]*ast.Term{ast.StringTerm(e.name), ast.NewTerm(e.v)}
		}
		t.whole = ast.NewObject(items...)
	}
	return t.whole
}

// scanMembers gives the names of an object, and their values' texts.
func scanMembers(text string) (out []entry, ok bool) {
	s := scanner{text: text, at: 1}
	if s.space(); s.next('}') {
		return nil, s.at == len(text)
	}
	for {
		s.space()
		start := s.at
		if !s.str() {
			return nil, false
		}
		name, ok := plainName(text[start:s.at])
		if s.space(); !ok || !s.next(':') {
			return nil, false
		}
		s.space()
		from := s.at
		if !s.value() || s.at == from {
			return nil, false
		}
		out = append(out, entry{name: name, text: text[from:s.at], from: start, end: s.at})
		if s.space(); s.next('}') {
			return out, s.at == len(text)
		}
		if !s.next(',') {
			return nil, false
		}
	}
}

// plainName reads a name that is written with quotes.
func plainName(quoted string) (string, bool) {
	name := quoted[1 : len(quoted)-1]
	if strings.IndexByte(name, '\\') >= 0 {
		var s string
		err := json.Unmarshal([]byte(quoted), &s)
		return s, err == nil
	}
	return name, utf8.ValidString(name)
}

// scanner finds where values end.
type scanner struct {
	text string
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) next(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) str() bool {
	if !s.next('"') {
		return false
	}
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			s.at++
			return true
		case '\\':
			s.at++
		}
		s.at++
	}
	return false
}

// value goes behind a value: readValue says whether it is one.
func (s *scanner) value() bool {
	depth := 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			if !s.str() {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true
			}
			if depth--; depth == 0 {
				s.at++
				return true
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return true
			}
		}
		s.at++
	}
	return false
}
