package stages

import (
	"maps"
	"slices"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/source/file"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// Lay puts files over the declared ones, as an edit would: from the next Run
// on an object of theirs is in the place of the one of its name.
func (s *Stages) Lay(paths ...string) { s.over = file.New(paths...) }

// read is all that is declared, with what lies over it.
func (s *Stages) read() (source.Listing, error) {
	base, err := s.source.Read()
	if err != nil || s.over == nil {
		return base, err
	}
	over, err := s.over.Read()
	if err != nil {
		return base, err
	}
	replaced := map[model.Ref]bool{}
	for _, o := range over.Objects {
		replaced[o.Ref] = true
	}
	out := source.Listing{
		Objects:    slices.DeleteFunc(slices.Clone(base.Objects), func(o *crds.Object) bool { return replaced[o.Ref] }),
		Incomplete: maps.Clone(base.Incomplete),
		Problems:   slices.Concat(base.Problems, over.Problems),
	}
	out.Objects = append(out.Objects, over.Objects...)
	if out.Incomplete == nil {
		out.Incomplete = map[string]bool{}
	}
	maps.Copy(out.Incomplete, over.Incomplete)
	return out, nil
}
