package code

import "slices"

// maxGrown is how many elements a table may come to have while it runs.
const maxGrown = 1 << 20

// Guarded is the module as it may be run: no function begins, and nothing that
// takes long, without a look whether the run is to end; tables cannot grow
// without end; and there is nothing in it but what is needed to run.
func (m *Module) Guarded() []byte {
	b := slices.Clone(header)
	for _, s := range m.sections {
		body := s.body
		switch s.id {
		case 4:
			body = boundTables(body)
		case 10:
			body = m.guardedCode
		}
		b = append(appendU32(append(b, s.id), uint32(len(body))), body...)
	}
	return b
}

// boundTables gives each table a maximum.
func boundTables(body []byte) []byte {
	r := &reader{b: body}
	n := r.u32()
	out := appendU32(nil, n)
	for range n {
		t := readTable(r)
		most := uint64(maxGrown)
		if t.hasMax {
			most = min(most, t.max)
		}
		out = appendU32(appendU32(append(out, t.kind, 1), uint32(t.min)), uint32(most))
	}
	return out
}
