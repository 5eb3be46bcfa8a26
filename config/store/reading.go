package store

import (
	"crypto/sha256"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// reading is what an object was read as. It holds until the object, or a file
// that it names, changes.
type reading struct {
	entry    *crds.Entry // nil: it does not read well
	denial   *crds.Entry // nil: it decides no access
	problems model.Problems
	origin   model.Origin
	files    map[string]fileState // that were read with it
	module   *module              // that it needs; nil: none
	brought  []brought            // what else it needs from elsewhere
	outside  bool                 // it rests on what is outside of it
	apply    uint64               // the last Apply that needed it
}

// fileState tells contents apart.
type fileState struct {
	sum   [sha256.Size]byte
	error string
}

func (h Hooks) fileState(path string) ([]byte, fileState, error) {
	data, err := h.ReadFile(path)
	if err != nil {
		return nil, fileState{error: err.Error()}, err
	}
	return data, fileState{sum: sha256.Sum256(data)}, nil
}

// read gives the object's reading: the one that there is, as long as it holds.
func (s *Store) read(o *crds.Object) *reading {
	r := s.readings[o.Root]
	switch {
	case r == nil || !s.hooks.holds(r):
		r = s.hooks.readAnew(o)
		s.readings[o.Root] = r
		if good := s.good[o.Ref]; good != nil && r.entry != nil && good.Version == r.entry.Version {
			r.entry.Content = good.Content // the same in other words
		}
	case r.origin != o.Origin:
		r = r.movedTo(o.Origin)
		s.readings[o.Root] = r
	}
	return r
}

func (h Hooks) readAnew(o *crds.Object) *reading {
	r := &reading{origin: o.Origin}
	e, problems := crds.Convert(o, crds.Options{ReadFile: func(path string) ([]byte, error) {
		data, state, err := h.fileState(path)
		if r.files == nil {
			r.files = map[string]fileState{}
		}
		r.files[path] = state
		return data, err
	}})
	if r.problems = problems; !problems.HasErrors() {
		r.module = h.moduleOf(&e)
		r.problems = append(problems, r.module.problems()...)
		r.brought = h.bring(&e)
		for _, b := range r.brought {
			r.problems = append(r.problems, b.problems()...)
		}
	}
	there := r.module.there() && allThere(r.brought)
	if !r.problems.HasErrors() && there {
		r.problems = append(r.problems, h.check(&e)...)
	}
	if !r.problems.HasErrors() && there {
		r.entry = &e
	}
	r.denial = r.standIn(o, &e)
	r.outside = len(r.files) > 0 || r.module != nil || len(r.brought) > 0
	return r
}

// standIn is what is in force where the object does not read well, or what it
// needs is not there; nil: nothing is.
func (r *reading) standIn(o *crds.Object, e *crds.Entry) *crds.Entry {
	for _, b := range r.brought {
		if s := b.standIn(); s != nil {
			return s
		}
	}
	if d, ok := crds.Substitute(o); ok {
		return &d
	}
	return r.module.standIn(e)
}

// holds tells whether everything outside of the object that the reading rests
// on is as it was.
func (h Hooks) holds(r *reading) bool {
	for path, was := range r.files {
		if _, now, _ := h.fileState(path); now != was {
			return false
		}
	}
	for _, b := range r.brought {
		if !b.same(b.again(h)) {
			return false
		}
	}
	if r.module == nil {
		return true
	}
	again := *r.module.asked
	return r.module.same(h.moduleOf(&again))
}

// movedTo is the reading of the same text at other lines.
func (r *reading) movedTo(o model.Origin) *reading {
	c := *r
	c.origin = o
	if r.entry != nil {
		c.entry = r.entry.MovedTo(o)
	}
	if r.denial != nil {
		c.denial = r.denial.MovedTo(o)
	}
	c.problems = append(model.Problems(nil), r.problems...)
	for i := range c.problems {
		if c.problems[i].Origin.File == r.origin.File {
			c.problems[i].Origin.Line += o.Line - r.origin.Line
		}
	}
	return &c
}

// forget drops the readings that the last Apply did not need.
func (s *Store) forget() {
	for root, r := range s.readings {
		if r.apply != s.applies {
			delete(s.readings, root)
		}
	}
}
