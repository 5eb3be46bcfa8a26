package code

// simple is an instruction that takes and gives a fixed number of values.
func (w *walker) simple(op byte) {
	switch {
	case op >= 0x20 && op <= 0x26 || op == 0xd2: // of variables, tables and functions, by index
		w.u32()
	case op >= 0x28 && op <= 0x3e: // of the memory: alignment and offset
		w.place()
	case op == 0x3f || op == 0x40 || op == 0xd0: // memory's index, or a type
		w.byte()
	case op == 0x41 || op == 0x42:
		w.s64()
	case op == 0x43:
		w.skip(4)
	case op == 0x44:
		w.skip(8)
	}
	delta, known := changes(op)
	if !known {
		panic(refuse("build it for plain Wasm: without exceptions, tail calls, threads and garbage-collected types",
			"it has an instruction %#x that is not known here", op))
	}
	w.add(delta)
}

// place is where a load or store goes.
func (w *walker) place() {
	if w.u32() >= 64 {
		panic(refuse("build it with one memory", "an instruction names a memory by its number"))
	}
	w.u64(64)
}

// spans says of ranges of instructions by how many values they change the
// stack's height.
type span struct {
	to    uint32 // the last of the range
	delta int
}

const unknown = 100

var single = []span{
	{0x01, 0}, {0x0e, unknown}, {0x0f, 0}, {0x19, unknown}, {0x1a, -1}, {0x1b, -2}, {0x1f, unknown},
	{0x20, 1}, {0x21, -1}, {0x22, 0}, {0x23, 1}, {0x24, -1}, {0x25, 0}, {0x26, -2}, {0x27, unknown},
	{0x35, 0}, {0x3e, -2}, {0x3f, 1}, {0x40, 0}, {0x44, 1},
	{0x45, 0}, {0x4f, -1}, {0x50, 0}, {0x66, -1}, {0x69, 0}, {0x78, -1}, {0x7b, 0}, {0x8a, -1},
	{0x91, 0}, {0x98, -1}, {0x9f, 0}, {0xa6, -1}, {0xc4, 0}, {0xcf, unknown}, {0xd0, 1}, {0xd1, 0}, {0xd2, 1}, {0xff, unknown},
}

// vectors are those of 128 bits, behind 0xfd.
var vectors = []span{
	{10, 0}, {11, -2}, {12, 1}, {14, -1}, {22, 0}, {23, -1}, {25, 0}, {26, -1}, {27, 0}, {28, -1}, {29, 0}, {30, -1},
	{31, 0}, {32, -1}, {33, 0}, {34, -1}, {76, -1}, {77, 0}, {81, -1}, {82, -2}, {83, 0}, {87, -1}, {91, -2}, {100, 0},
	{102, -1}, {106, 0}, {115, -1}, {117, 0}, {121, -1}, {122, 0}, {123, -1}, {129, 0}, {130, -1}, {132, 0}, {134, -1}, {138, 0},
	{147, -1}, {148, 0}, {159, -1}, {164, 0}, {166, -1}, {170, 0}, {191, -1}, {196, 0}, {198, -1}, {202, 0}, {223, -1},
	{225, 0}, {226, -1}, {227, 0}, {235, -1}, {237, 0}, {238, -1}, {239, 0}, {247, -1}, {255, 0}, {1 << 31, unknown},
}

func find(spans []span, n uint32) (delta int, known bool) {
	for _, s := range spans {
		if n <= s.to {
			return s.delta, s.delta != unknown
		}
	}
	return 0, false
}

var changesOf [256]struct {
	delta int8
	known bool
}

func init() {
	for op := range changesOf {
		d, known := find(single, uint32(op))
		changesOf[op].delta, changesOf[op].known = int8(d), known
	}
}

func changes(op byte) (int, bool) { return int(changesOf[op].delta), changesOf[op].known }

// bulk are the instructions behind 0xfc: conversions, and those that work on
// many bytes or elements at once. Such a one may take long, so a check stands
// before it.
func (w *walker) bulk(at int) {
	op := w.u32()
	if op <= 7 {
		return
	}
	indexes, delta := 1, 0
	switch op {
	case 8, 10, 12, 14: // memory.init and copy, table.init and copy
		indexes, delta = 2, -3
	case 11, 17: // fill
		delta = -3
	case 9, 13: // drop
	case 15: // table.grow
		delta = -1
	case 16: // table.size
		delta = 1
	default:
		panic(refuse("build it for plain Wasm", "it has an instruction 0xfc %d that is not known here", op))
	}
	for range indexes {
		w.u32()
	}
	w.insert(at)
	w.add(delta)
}

func (w *walker) vector() {
	op := w.u32()
	switch {
	case op <= 11 || op == 92 || op == 93:
		w.place()
	case op == 12 || op == 13:
		w.skip(16)
	case op >= 21 && op <= 34:
		w.byte()
	case op >= 84 && op <= 91:
		w.place()
		w.byte()
	}
	delta, known := find(vectors, op)
	if !known {
		panic(refuse("build it without relaxed SIMD", "it has an instruction 0xfd %d that is not known here", op))
	}
	w.add(delta)
}
