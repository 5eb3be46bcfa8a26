package snapshot

import (
	"reflect"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// step resolves some kinds of objects. What it comes to follows from its
// objects and from what it reads of earlier steps: when these are as they were
// in the build before, its outputs are taken from there.
type step struct {
	name    string
	kinds   []string
	reads   func(*draft) []any // identities of what it reads
	parts   func(*draft) []any // of what all parts of it read; nil: the same
	run     func(*draft)
	share   func(*draft, *Result) // with the build before, item by item
	outputs func(*draft) []any    // pointers to the fields that it fills
}

// steps are in order: what others refer to comes first.
var steps = []step{groupsStep, servicesStep, secretsStep, gatewaysStep, destinationsStep, routesStep, sidecarsStep, patchesStep, peersStep, authenticationStep, policiesStep, telemetryStep}

// listID tells one list from another: an unchanged list is the same one.
func listID[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return [2]any{&list[0], len(list)}
}

// kept is a step as it was done.
type kept struct {
	inputs   []input
	reads    []any
	common   []any // what all parts read
	outputs  []any
	warnings model.Problems
	parts    map[*crds.Entry]part
}

// part is what one object came to in a step, before others of its kind count.
type part struct {
	reads    any // beside what all parts read
	value    any
	warnings model.Problems
}

// input is one object that a step read.
type input struct {
	entry           *crds.Entry
	known, dangling bool
}

// do takes a step, or takes over what it came to before.
func (d *draft) do(s step) {
	d.slots = nil
	for _, kind := range s.kinds {
		d.slots = append(d.slots, d.byKind[kind]...)
	}
	k := &kept{reads: s.reads(d), inputs: make([]input, len(d.slots))}
	for i, o := range d.slots {
		k.inputs[i] = input{o.versions[0], o.known, o.dangling}
	}
	var before *kept
	if p := d.opts.Previous; p != nil {
		before = p.steps[s.name]
	}
	if before != nil && slices.Equal(k.inputs, before.inputs) && slices.Equal(k.reads, before.reads) {
		for i, to := range s.outputs(d) {
			reflect.ValueOf(to).Elem().Set(reflect.ValueOf(before.outputs[i]))
		}
		d.warnings = append(d.warnings, before.warnings...)
		d.done[s.name] = before
		return
	}
	k.parts, d.now, d.before = map[*crds.Entry]part{}, k, nil
	if k.common = k.reads; s.parts != nil {
		k.common = s.parts(d)
	}
	if before != nil && slices.Equal(k.common, before.common) {
		d.before = before
	}
	d.oldest = byTime(d.slots)
	start := len(d.warnings)
	s.run(d)
	if d.opts.Previous != nil {
		s.share(d, d.opts.Previous)
	}
	k.warnings = slices.Clone(d.warnings[start:])
	for _, from := range s.outputs(d) {
		k.outputs = append(k.outputs, reflect.ValueOf(from).Elem().Interface())
	}
	d.done[s.name] = k
}

// once makes a part of an object that follows from the object, and from what
// it reads, alone: as long as these stay it is made once.
func (d *draft) once(e *crds.Entry, reads any, resolve func() any) any {
	if d.before != nil {
		if p, made := d.before.parts[e]; made && p.reads == reads {
			d.warnings = append(d.warnings, p.warnings...)
			d.now.parts[e] = p
			return p.value
		}
	}
	start := len(d.warnings)
	value := resolve()
	if len(d.errors[e.Ref]) == 0 && !d.accepted[e.Ref] {
		d.now.parts[e] = part{reads, value, slices.Clone(d.warnings[start:])}
	}
	return value
}
