package translate

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// generator makes an Out of an In, and of nothing else: what it may read is
// its cache key, by construction. make must be a plain function, not a
// closure. Pointers in an In are compared as pointers: what they point to
// never changes. An Out is shared, and never changed.
type generator[In, Out any] struct {
	make  func(In) Out
	kept  map[string]*generated[In, Out]
	round uint64
	notes *notes
}

// generated is a result with its input, which keeps the input's pointers
// alive, so that no other value gets their addresses.
type generated[In, Out any] struct {
	in In
	made[Out]
}

// made is a result.
type made[Out any] struct {
	out   Out
	last  uint64  // the last round that used it
	round *uint64 // the generator's
}

// keep notes that this round uses the result.
func (m *made[Out]) keep() { m.last = *m.round }

func newGenerator[In, Out any](n *notes, f func(In) Out) *generator[In, Out] {
	return &generator[In, Out]{make: f, kept: map[string]*generated[In, Out]{}, notes: n}
}

// of gives the Out of an In, made before or now.
func (g *generator[In, Out]) of(in In) Out {
	m := g.ask(in)
	g.notes.uses = append(g.notes.uses, m)
	return m.out
}

// ask is of, for those who keep the result themselves.
func (g *generator[In, Out]) ask(in In) *made[Out] {
	key := identity(in)
	m, ok := g.kept[key]
	if !ok {
		m = &generated[In, Out]{in, made[Out]{out: g.make(in), round: &g.round}}
		g.kept[key] = m
	}
	m.keep()
	return &m.made
}

// sweep ends a round, and forgets what was not used in it.
func (g *generator[In, Out]) sweep() {
	for key, m := range g.kept {
		if m.last != g.round {
			delete(g.kept, key)
		}
	}
	g.round++
}

// identity writes a value so that two are equal only if they are the same:
// pointers by address, everything else by content.
func identity(v any) string {
	return string(appendIdentity(make([]byte, 0, 256), reflect.ValueOf(v)))
}

func appendIdentity(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		return binary.LittleEndian.AppendUint64(b, uint64(v.Pointer()))
	case reflect.String:
		return append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.Float32, reflect.Float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float()))
	case reflect.Struct:
		for i := range v.NumField() {
			b = appendIdentity(b, v.Field(i))
		}
		return b
	case reflect.Slice:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		for i := range v.Len() {
			b = appendIdentity(b, v.Index(i))
		}
		return b
	case reflect.Map:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		for _, k := range keys {
			b = appendIdentity(appendIdentity(b, k), v.MapIndex(k))
		}
		return b
	}
	panic(fmt.Sprintf("translate: an input holds a %s", v.Type())) // a generator was declared wrongly
}

// one makes equal values the same pointer.
func one[T any](v T) *T { return &v }
