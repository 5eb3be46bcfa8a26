package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// Recorder keeps of an input what a policy reads, for the log of decisions.
type Recorder struct {
	reads []read
	all   bool
}

type read struct {
	name string  // as it is written
	path ast.Ref // below input, up to what is known before a request comes
}

// NewRecorder takes what a policy's reachable rules read. Without it nothing
// is kept.
func NewRecorder(l *model.Lowered) *Recorder {
	r := &Recorder{}
	if l == nil {
		return r
	}
	r.all = l.ReadsAll
	for _, x := range l.Reads {
		if ref, err := ast.ParseRef(x.Ref); err == nil && len(ref) > 1 {
			r.reads = append(r.reads, read{x.Ref, members(ref.GroundPrefix()[1:])})
		}
	}
	return r
}

// members is a path up to where it goes into a list: a list is told whole, for
// one without its first items would be another list.
func members(path ast.Ref) ast.Ref {
	for i, term := range path {
		if _, ok := term.Value.(ast.String); !ok {
			return path[:i]
		}
	}
	return path
}

// Recorded is what of one input may be told. It holds on to the input, and is
// made a document only when it is told.
type Recorded struct {
	by    *Recorder
	input ast.Value
}

// Of keeps the input that was evaluated last.
func (r *Recorder) Of(in *Input) Recorded { return Recorded{r, in.last} }

// Document gives the values, as JSON has them, and the references that were
// looked for: one that is not in the document was absent. all: it is the whole
// input.
func (x Recorded) Document() (document map[string]any, reads []string, all bool) {
	if x.by == nil || x.input == nil {
		return nil, nil, false
	}
	if x.by.all {
		whole, _ := plainJSON(x.input).(map[string]any)
		return whole, nil, true
	}
	document = map[string]any{}
	for _, r := range x.by.reads {
		reads = append(reads, r.name)
		if v, err := x.input.Find(r.path); err == nil && len(r.path) > 0 {
			place(document, r.path, plainJSON(v))
		}
	}
	return document, reads, false
}

// place puts a value where a path leads to.
func place(in map[string]any, path ast.Ref, value any) {
	for i, term := range path {
		key := string(term.Value.(ast.String)) // as members made it
		if i == len(path)-1 {
			in[key] = value
			return
		}
		next, ok := in[key].(map[string]any)
		switch {
		case !ok && in[key] != nil:
			return // the whole of it is there
		case !ok:
			next = map[string]any{}
			in[key] = next
		}
		in = next
	}
}

func plainJSON(v ast.Value) any {
	out, err := ast.JSON(v)
	if err != nil { // it was made of JSON
		return nil
	}
	return out
}
