package translate

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// always and never are the predicates that need no test.
func always(p model.Predicate) bool { return p.Op == model.OpAll && len(p.Of) == 0 }
func never(p model.Predicate) bool  { return p.Op == model.OpAny && len(p.Of) == 0 }

func constant(holds bool) model.Predicate {
	if holds {
		return model.Predicate{Op: model.OpAll}
	}
	return model.Predicate{Op: model.OpAny}
}

// truth is what is known of a test before a request comes.
type truth int

const (
	undecided truth = iota
	holds
	fails
)

func truthOf(b bool) truth {
	if b {
		return holds
	}
	return fails
}

// fold makes a predicate as small as what is known of its tests allows. Only
// the whole of what it gives may be a constant.
func fold(p model.Predicate, known func(*model.Test) truth) model.Predicate {
	switch p.Op {
	case model.OpTest:
		switch known(p.Test) {
		case holds:
			return constant(true)
		case fails:
			return constant(false)
		}
		return p
	case model.OpNot:
		if len(p.Of) != 1 {
			return constant(false) // says nothing
		}
		of := fold(p.Of[0], known)
		switch {
		case always(of), never(of):
			return constant(never(of))
		case of.Op == model.OpNot:
			return of.Of[0]
		}
		return model.Predicate{Op: model.OpNot, Of: []model.Predicate{of}}
	}
	out := model.Predicate{Op: p.Op}
	for _, one := range p.Of {
		one = fold(one, known)
		switch {
		case p.Op == model.OpAll && never(one), p.Op == model.OpAny && always(one):
			return one
		case always(one), never(one): // changes nothing
		case one.Op == p.Op:
			out.Of = append(out.Of, one.Of...)
		default:
			out.Of = append(out.Of, one)
		}
	}
	if len(out.Of) == 1 {
		return out.Of[0]
	}
	return out
}

// untested is what is known of a test without any request: nothing, of any test but of one that has nothing to compare with.
func untested(t *model.Test) truth {
	switch {
	case t.Input.Kind == model.InputHeader && t.Input.Name == "host":
		return fails // Envoy makes it :authority, and hands on no other
	case len(t.Values) == 0 && t.How != model.TestPresent && t.How != model.TestNull:
		return fails
	}
	return undecided
}

// sameInput compares what two tests read.
func sameInput(a, b model.ProxyInput) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Items == b.Items && slices.Equal(a.Path, b.Path)
}
