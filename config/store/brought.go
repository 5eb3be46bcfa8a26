package store

import (
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// brought is what a hook brings to an object from elsewhere.
type brought interface {
	// there tells whether all that the object needs is.
	there() bool
	problems() model.Problems
	// standIn is in force where it is not there, and there is no last good
	// version; nil: nothing is.
	standIn() *crds.Entry
	// again asks once more, same compares what came.
	again(Hooks) brought
	same(brought) bool
}

// bring asks for all that an entry needs from elsewhere, and puts it there.
func (h Hooks) bring(e *crds.Entry) []brought {
	var out []brought
	for _, of := range []func(*crds.Entry) brought{h.keysOf, h.bundleOf} {
		if b := of(e); b != nil {
			out = append(out, b)
		}
	}
	return out
}

// allThere tells whether nothing is missing.
func allThere(list []brought) bool {
	return !slices.ContainsFunc(list, func(b brought) bool { return !b.there() })
}
