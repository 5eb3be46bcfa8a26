package code

// walker goes through the instructions of one function. It bounds what a run
// of it can hold at once, and finds where checks belong.
type walker struct {
	*reader
	m      *Module
	blocks []block
	height int // values on the stack, at most
	top    int // the most that were
	copied int // how far the body is in out
	out    []byte
}

// block is a block, loop, if, or the function itself.
type block struct{ below, params, results int }

const maxNesting = 20_000

// check is a loop that does nothing, and changes nothing on the stack. At the
// head of each loop the runtime looks whether the run is to end.
var check = []byte{0x03, 0x40, 0x0b}

// checkCode reads all functions, and writes them anew with checks in them.
func (m *Module) checkCode(r *reader) {
	n := r.count("function bodies", maxFunctions)
	if n != m.Functions {
		r.fail("it has %d functions, and code for %d", m.Functions, n)
	}
	first := len(m.funcs) - m.Functions
	out := appendU32(make([]byte, 0, r.left()+4*n+r.left()/8), uint32(n))
	for i := range n {
		size := r.size("a function's size")
		if size > maxBody {
			panic(refuse("split the function", "function %d has %d bytes; Envoy takes %d", first+i, size, maxBody))
		}
		w := &walker{reader: r.sub(size), m: m}
		w.function(m.types[m.funcs[first+i]], first+i)
		out = append(appendU32(out, uint32(len(w.out))), w.out...)
	}
	m.guardedCode = out
}

func appendU32(b []byte, n uint32) []byte {
	for n >= 0x80 {
		b, n = append(b, byte(n)|0x80), n>>7
	}
	return append(b, byte(n))
}

func (w *walker) function(t signature, index int) {
	locals := uint64(len(t.params))
	for range w.count("groups of locals", maxBody) {
		locals += uint64(w.u32())
		if locals > maxSlots {
			panic(refuse("split the function", "function %d has more than %d locals", index, maxSlots))
		}
		valueType(w.reader)
	}
	if w.m.locals += int(locals); w.m.locals > maxLocals {
		panic(refuse("split it, or leave out what is not used", "its functions have more than %d locals, together", maxLocals))
	}
	w.insert(w.at)
	w.blocks = append(w.blocks, block{results: len(t.results)})
	for len(w.blocks) > 0 {
		w.instruction()
		if w.top = max(w.top, w.height); int(locals)+w.top > maxSlots {
			panic(refuse("split the function", "function %d holds more than %d values at once", index, maxSlots))
		}
	}
	if w.left() > 0 {
		w.fail("function %d goes on behind its end", index)
	}
	w.out = append(w.out, w.b[w.copied:]...)
}

// insert puts a check before the instruction at a place.
func (w *walker) insert(at int) {
	w.out = append(append(w.out, w.b[w.copied:at]...), check...)
	w.copied = at
}

// add changes how many values are on the stack. In code that is never reached
// there may be fewer than none.
func (w *walker) add(n int) {
	w.height = max(w.height+n, w.blocks[len(w.blocks)-1].below)
}

func (w *walker) instruction() {
	at := w.at
	op := w.byte()
	switch op {
	case 0x02, 0x03, 0x04:
		w.open(op)
	case 0x05:
		b := w.blocks[len(w.blocks)-1]
		w.height = b.below + b.params
	case 0x0b:
		b := w.blocks[len(w.blocks)-1]
		w.height = b.below + b.results
		w.blocks = w.blocks[:len(w.blocks)-1]
	case 0x0c, 0x0d: // br, br_if
		w.u32()
		w.add(-int(op - 0x0c))
	case 0x0e:
		n := w.count("targets of a jump", 65_520)
		if w.m.targets += n; w.m.targets > maxTargets {
			panic(refuse("split it, or leave out what is not used", "its jumps have more than %d targets", maxTargets))
		}
		for range n {
			w.u32()
		}
		w.u32()
		w.add(-1)
	case 0x10:
		n := w.u32()
		if uint64(n) >= uint64(len(w.m.funcs)) {
			w.fail("a call is of function %d of %d", n, len(w.m.funcs))
		}
		w.call(w.m.types[w.m.funcs[n]])
	case 0x11:
		t := w.m.typeIndex(w.reader)
		w.u32()
		w.add(-1)
		w.call(w.m.types[t])
	case 0x1c:
		for range w.count("types of a selection", 1) {
			valueType(w.reader)
		}
		w.add(-2)
	case 0xfc:
		w.bulk(at)
	case 0xfd:
		w.vector()
	default:
		w.simple(op)
	}
}

func (w *walker) call(t signature) { w.add(len(t.results) - len(t.params)) }

// open begins a block, a loop or an if.
func (w *walker) open(op byte) {
	if len(w.blocks) > maxNesting {
		panic(refuse("split the function", "blocks are nested more than %d deep", maxNesting))
	}
	if w.m.blocks++; w.m.blocks > maxBlocks {
		panic(refuse("split it, or leave out what is not used", "it has more than %d blocks", maxBlocks))
	}
	b := block{}
	switch t := w.s64(); {
	case t >= 0:
		if t >= int64(len(w.m.types)) {
			w.fail("a block names type %d of %d", t, len(w.m.types))
		}
		b = block{params: len(w.m.types[t].params), results: len(w.m.types[t].results)}
	case t != -64: // it gives one value
		b.results = 1
	}
	if op == 0x04 {
		w.add(-1)
	}
	w.add(-b.params)
	b.below = w.height
	w.height += b.params
	w.blocks = append(w.blocks, b)
}
