package assemble

import (
	"maps"
	"slices"
)

// Bytes is the module. Functions are numbered from 0, the imported first.
func (m Module) Bytes() []byte {
	w := writer{Module: m, index: map[string]uint32{}}
	b := slices.Clone(Header)
	imports := w.imports()
	funcs, code, exports := w.functions()
	for _, s := range []struct {
		id    byte
		parts [][]byte
	}{
		{1, w.types}, {2, imports}, {3, funcs}, {4, w.own(m.Tables, []byte{0x70})}, {5, w.own(m.Memories, nil)},
		{6, w.globals()}, {7, append(exports, w.named()...)},
	} {
		b = w.section(b, s.id, s.parts)
	}
	if m.Start != nil {
		b = append(b, Section(8, U32(*m.Start))...)
	}
	b = w.section(b, 9, w.elements())
	b = w.section(b, 10, code)
	b = w.section(b, 11, w.data())
	for _, name := range slices.Sorted(maps.Keys(m.Custom)) {
		b = append(b, Section(0, append(Name(name), m.Custom[name]...))...)
	}
	return append(b, m.Raw...)
}

// writer finds the index of each type as it is first used.
type writer struct {
	Module
	types [][]byte
	index map[string]uint32
}

func (w *writer) section(b []byte, id byte, parts [][]byte) []byte {
	if len(parts) == 0 {
		return b
	}
	return append(b, Section(id, Vector(parts...))...)
}

func (w *writer) typeOf(signature string) []byte {
	n, ok := w.index[signature]
	if !ok {
		n = uint32(len(w.types))
		w.index[signature] = n
		w.types = append(w.types, Signature(signature))
	}
	return U32(n)
}

func (w *writer) imports() (parts [][]byte) {
	add := func(module, name string, kind byte, what []byte) {
		parts = append(parts, slices.Concat(Name(module), Name(name), []byte{kind}, what))
	}
	for _, i := range w.Imports {
		add(i.Module, i.Name, 0, w.typeOf(i.Type))
	}
	for _, t := range w.Tables {
		if t.Import[0] != "" {
			add(t.Import[0], t.Import[1], 1, append([]byte{0x70}, t.bytes()...))
		}
	}
	for _, m := range w.Memories {
		if m.Import[0] != "" {
			add(m.Import[0], m.Import[1], 2, m.bytes())
		}
	}
	return parts
}

func (w *writer) functions() (types, code, exports [][]byte) {
	for i, f := range w.Funcs {
		types = append(types, w.typeOf(f.Type))
		body := f.Whole
		if body == nil {
			body = U32(0)
			if f.Locals > 0 {
				body = slices.Concat(U32(1), U32(f.Locals), []byte{0x7f})
			}
			body = slices.Concat(body, f.Body, []byte{0x0b})
		}
		code = append(code, append(U32(uint32(len(body))), body...))
		if f.Export != "" {
			exports = append(exports, Export{f.Export, 0, uint32(len(w.Imports) + i)}.bytes())
		}
	}
	return types, code, exports
}

func (e Export) bytes() []byte { return slices.Concat(Name(e.Name), []byte{e.Kind}, U32(e.Index)) }

func (l Limits) bytes() []byte {
	if l.Max == 0 {
		return append([]byte{0}, U32(l.Min)...)
	}
	return slices.Concat([]byte{1}, U32(l.Min), U32(l.Max))
}

// own are the tables or memories that are not imported.
func (w *writer) own(all []Limits, before []byte) (parts [][]byte) {
	for _, l := range all {
		if l.Import[0] == "" {
			parts = append(parts, append(slices.Clone(before), l.bytes()...))
		}
	}
	return parts
}

func (w *writer) globals() (parts [][]byte) {
	for _, g := range w.Globals {
		parts = append(parts, slices.Concat([]byte{0x7f, 1}, constant(g.Init)))
	}
	return parts
}

func (w *writer) named() (parts [][]byte) {
	for i, g := range w.Globals {
		if g.Export != "" {
			parts = append(parts, Export{g.Export, 3, uint32(i)}.bytes())
		}
	}
	for _, e := range w.Exports {
		parts = append(parts, e.bytes())
	}
	return parts
}

func (w *writer) elements() (parts [][]byte) {
	for _, e := range w.Elements {
		var funcs [][]byte
		for _, f := range e.Funcs {
			funcs = append(funcs, U32(f))
		}
		parts = append(parts, slices.Concat([]byte{0}, constant(e.Offset), Vector(funcs...)))
	}
	return parts
}

func (w *writer) data() (parts [][]byte) {
	for _, d := range w.Data {
		parts = append(parts, slices.Concat([]byte{0}, constant(d.Offset), U32(uint32(len(d.Bytes))), d.Bytes))
	}
	return parts
}

// constant is an expression of one i32.
func constant(n int32) []byte { return slices.Concat([]byte{0x41}, I32(n), []byte{0x0b}) }
