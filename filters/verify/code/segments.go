package code

// constant skips an expression that gives a segment's place or a global's
// beginning.
func constant(r *reader) {
	for range maxName {
		switch op := r.byte(); op {
		case 0x0b:
			return
		case 0x41, 0x42:
			r.s64()
		case 0x43:
			r.skip(4)
		case 0x44:
			r.skip(8)
		case 0x23, 0xd2:
			r.u32()
		case 0xd0:
			r.byte()
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
		case 0xfd:
			if r.u32() != 12 {
				r.fail("a constant is none")
			}
			r.skip(16)
		default:
			r.fail("a constant is made with instruction %#x", op)
		}
	}
	r.fail("a constant is endless")
}

// readElements skips the segments of tables. Their eight forms are a number's
// three bits: passive, with a table's index or declared, of expressions.
func readElements(r *reader) {
	all := 0
	for range r.count("segments of tables", maxSegments) {
		form := r.u32()
		if form > 7 {
			r.fail("a segment of a table has form %d", form)
		}
		if form&1 == 0 {
			if form&2 != 0 {
				r.u32()
			}
			constant(r)
		}
		if form&3 != 0 {
			r.byte() // kind or type of its elements
		}
		n := r.count("elements", maxElements)
		if all += n; all > maxElements {
			r.fail("its tables have more than %d elements", maxElements)
		}
		for range n {
			if form&4 != 0 {
				constant(r)
			} else {
				r.u32()
			}
		}
	}
}

func (m *Module) readData(r *reader) {
	for range r.count("segments of data", maxSegments) {
		switch form := r.u32(); form {
		case 0:
			constant(r)
		case 1:
		case 2:
			r.u32()
			constant(r)
		default:
			r.fail("a segment of data has form %d", form)
		}
		n := r.size("a segment's length")
		m.Data += int64(n)
		r.skip(n)
	}
}
