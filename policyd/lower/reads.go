package lower

import (
	"cmp"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// use notes that a decision may depend on a value.
func (m *machine) use(v value) {
	switch v := v.(type) {
	case leaf:
		m.read(v.in)
	case segments:
		m.read(v.in)
	case params:
		m.read(v.in)
	case text:
		m.read(v.part.in)
	case part:
		m.readsAll = true
	case tuple:
		for _, x := range v.items {
			m.use(x)
		}
	case record:
		for _, x := range v.values {
			m.use(x)
		}
	case bag:
		for _, one := range v.members {
			m.use(one.key)
			m.use(one.v)
		}
	case size:
		m.use(v.of)
	}
}

func (m *machine) read(in input) {
	if in.ref == "" {
		return
	}
	r := model.Read{Ref: in.ref}
	if in.why == nil {
		p := in.ProxyInput
		p.Items = false
		r.Input = &p
	}
	m.refs[in.ref] = r
}

// touch notes what terms read that are not evaluated.
func (m *machine) touch(terms []*ast.Term, s state) {
	for _, t := range terms {
		if t.IsGround() && !isRef(t) || hasFree(t, s) {
			continue
		}
		m.eval(t, s, func(_ state, v value) { m.use(v) })
	}
}

// reads writes what the evaluation has read.
func (m *machine) reads(out *model.Lowered) {
	for _, r := range m.refs {
		out.Reads = append(out.Reads, r)
	}
	slices.SortFunc(out.Reads, func(a, b model.Read) int { return cmp.Compare(a.Ref, b.Ref) })
	out.ReadsAll = m.readsAll
	out.Volatile = sorted(m.volatile)
	if len(out.Volatile) == 0 {
		out.Volatile = nil
	}
}
