package code

// The most that is taken. Compilers stay far below; V8, in Envoy, has limits of
// its own, which are higher or the same.
const (
	maxTypes     = 50_000
	maxImports   = 1_000
	maxFunctions = 100_000
	maxGlobals   = 100_000
	maxExports   = 20_000
	maxSegments  = 100_000
	maxElements  = 1_000_000
	maxTables    = 16
	maxParams    = 100
	maxResults   = 16
	maxName      = 1_000
	maxCustoms   = 1_000
	maxSlots     = 10_000    // a function's locals and operands, together
	maxBody      = 7_654_321 // of a function; V8's
	maxCode      = 16 << 20
	maxLocals    = 2_000_000 // of all functions: an interpreter has an instruction for each
	maxBlocks    = 1_000_000 // and some for each of these
	maxTargets   = 2_000_000 // each may take as many values along as a function has parameters
)

// section reads one of the known sections.
func (m *Module) section(id byte, r *reader) {
	switch id {
	case 1:
		m.readTypes(r)
	case 2:
		m.readImports(r)
	case 3:
		for range r.count("functions", maxFunctions) {
			m.funcs = append(m.funcs, m.typeIndex(r))
			m.Functions++
		}
	case 4:
		for range r.count("tables", maxTables) {
			m.Table += readTable(r).min
			if m.Table > maxGrown {
				panic(refuse("give its tables the elements that it has", "its tables begin with %d elements; at most %d are taken", m.Table, maxGrown))
			}
		}
	case 5:
		if n := r.count("memories", 1000); n > 1 {
			panic(refuse("build it with one memory", "it has %d memories; Envoy gives a module one", n))
		} else if n == 1 {
			m.Memory = readMemory(r)
		}
	case 6:
		for range r.count("globals", maxGlobals) {
			valueType(r)
			r.byte()
			constant(r)
		}
	case 7:
		m.readExports(r)
	case 8:
		m.Started = true
		r.u32()
	case 9:
		readElements(r)
	case 10:
		if r.left() > maxCode {
			panic(refuse("build it smaller: without debugging symbols, and without what it does not use", "its code has %d bytes; at most %d are taken", r.left(), maxCode))
		}
		m.checkCode(r)
	case 11:
		m.readData(r)
	case 12:
		r.u32()
	default:
		panic(refuse("build it without Wasm exceptions", "it has a section %d, of exceptions or unknown", id))
	}
}

func (m *Module) readTypes(r *reader) {
	for range r.count("types", maxTypes) {
		if form := r.byte(); form != 0x60 {
			panic(refuse("build it without garbage-collected types", "it has a type of form %#x, which is no function's", form))
		}
		s := signature{valueTypes(r, maxParams), valueTypes(r, maxResults)}
		m.types = append(m.types, s)
	}
}

func valueTypes(r *reader, most int) []byte {
	n := r.count("parameters or results of one function", most)
	from := r.at
	for range n {
		valueType(r)
	}
	return r.b[from:r.at]
}

func valueType(r *reader) {
	switch t := r.byte(); t {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
	default:
		panic(refuse("build it without that feature of Wasm", "it has values of a type %#x that is not known here", t))
	}
}

func (m *Module) typeIndex(r *reader) uint32 {
	n := r.u32()
	if uint64(n) >= uint64(len(m.types)) {
		r.fail("it names type %d of %d", n, len(m.types))
	}
	return n
}

func (m *Module) readImports(r *reader) {
	for range r.count("imports", maxImports) {
		i := Import{Module: r.name(), Name: r.name(), Kind: Kind(r.byte())}
		switch i.Kind {
		case Function:
			t := m.typeIndex(r)
			m.funcs = append(m.funcs, t)
			i.Type = m.types[t].String()
		case Table:
			readTable(r)
		case MemoryKind:
			readMemory(r)
		case Global:
			valueType(r)
			r.byte()
		default:
			panic(refuse("build it without Wasm exceptions", "it imports %s.%s, a %s", i.Module, i.Name, i.Kind))
		}
		m.Imports = append(m.Imports, i)
	}
}

func (m *Module) readExports(r *reader) {
	for range r.count("exports", maxExports) {
		e := Export{Name: r.name(), Kind: Kind(r.byte())}
		n := r.u32()
		if e.Kind == Function {
			if uint64(n) >= uint64(len(m.funcs)) {
				r.fail("it exports function %d of %d", n, len(m.funcs))
			}
			e.Type = m.types[m.funcs[n]].String()
		}
		m.Exports = append(m.Exports, e)
	}
}

// bounds are a table's.
type bounds struct {
	kind     byte
	min, max uint64
	hasMax   bool
}

func readTable(r *reader) bounds {
	t := bounds{kind: r.byte()}
	if t.kind != 0x70 && t.kind != 0x6f {
		panic(refuse("build it without that feature of Wasm", "it has a table of kind %#x", t.kind))
	}
	flags := r.byte()
	if flags > 1 {
		panic(refuse("build it for wasm32", "it has a table with flags %#x", flags))
	}
	t.min = uint64(r.u32())
	if t.hasMax = flags == 1; t.hasMax {
		t.max = uint64(r.u32())
	}
	return t
}

func readMemory(r *reader) Memory {
	flags := r.byte()
	switch {
	case flags&2 != 0:
		panic(refuse("build it without threads", "it wants a memory that threads share"))
	case flags > 1:
		panic(refuse("build it for wasm32", "it wants a memory with 64-bit addresses, or pages of another size"))
	}
	m := Memory{Own: true, Min: uint64(r.u32()), Max: 65536}
	if flags == 1 {
		m.Max = uint64(r.u32())
	}
	return m
}

// finish checks what sections say of each other.
func (m *Module) finish(r *reader) {
	for _, s := range m.sections {
		if s.id == 10 {
			return
		}
	}
	if m.Functions > 0 {
		r.fail("it has %d functions and no code", m.Functions)
	}
}
