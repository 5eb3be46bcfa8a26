package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// value is what a term comes to when the request is unknown: one of the types
// below.
type value any

// known is a value that no request changes.
type known struct{ v ast.Value }

// leaf is one value of the request, or a part of it.
type leaf struct {
	in          input
	kind        kind
	emptyAbsent bool // where the request has it empty, the document has not got it
	shape       shape
}

// kind is what is known of a leaf's type.
type kind uint8

const (
	kindAny     kind = iota // any JSON value: its tests tell
	kindText                // a string, where it is there
	kindNumber              // a number, where it is there
	kindBool                // a boolean, where it is there
	kindAddress             // a string that is an IP
	kindList                // a list of strings
)

// part is an object of the document whose members are looked up by name.
type part struct {
	node *node
	ref  string
}

// tuple is an array of a known length.
type tuple struct{ items []value }

// record is an object of known keys.
type record struct {
	keys   []ast.Value
	values []value
}

// bag is a set, an array or an object of which each member is there on a
// condition: what a partial rule or a comprehension makes.
type bag struct {
	kind    byte // 's', 'a', 'o'
	members []member
}

type member struct {
	when *cond
	key  value // of an object
	v    value
}

// virtual is a package, or a part of one: rules and data below it.
type virtual struct{ path ast.Ref }

// opaque is what nobody here knows. It may be undefined, or false.
type opaque struct{ stop *model.Stop }

// outcome is one value that a computation may have, and when it has it.
type outcome struct {
	when *cond
	v    value
}

func boolean(b bool) known { return known{ast.Boolean(b)} }

// relation is the outcome of a comparison: yes where it is true, no where it
// is false; else it is undefined.
func relation(yes, no *cond) []outcome {
	return []outcome{{yes, boolean(true)}, {no, boolean(false)}}
}

// ground gives the value as OPA's, where no request changes it.
func ground(v value) (ast.Value, bool) {
	switch v := v.(type) {
	case known:
		return v.v, true
	case tuple:
		terms := make([]*ast.Term, len(v.items))
		for i, item := range v.items {
			g, ok := ground(item)
			if !ok {
				return nil, false
			}
			terms[i] = ast.NewTerm(g)
		}
		return ast.NewArray(terms...), true
	case record:
		items := make([][2]*ast.Term, len(v.keys))
		for i := range v.keys {
			g, ok := ground(v.values[i])
			if !ok {
				return nil, false
			}
			items[i] = [2]*ast.Term{ast.NewTerm(v.keys[i]), ast.NewTerm(g)}
		}
		return ast.NewObject(items...), true
	case bag:
		return v.ground()
	case *table:
		return v.object(), true
	}
	return nil, false
}

func (b bag) ground() (ast.Value, bool) {
	terms, keys := make([]*ast.Term, len(b.members)), make([]*ast.Term, len(b.members))
	for i, m := range b.members {
		g, ok := ground(m.v)
		if !ok || m.when.op != condTrue {
			return nil, false
		}
		terms[i] = ast.NewTerm(g)
		if b.kind == 'o' {
			if g, ok = ground(m.key); !ok {
				return nil, false
			}
			keys[i] = ast.NewTerm(g)
		}
	}
	switch b.kind {
	case 's':
		return ast.NewSet(terms...), true
	case 'a':
		return ast.NewArray(terms...), true
	}
	out := ast.NewObject()
	for i := range terms {
		if had := out.Get(keys[i]); had != nil && had.Value.Compare(terms[i].Value) != 0 {
			return nil, false
		}
		out.Insert(keys[i], terms[i])
	}
	return out, true
}
