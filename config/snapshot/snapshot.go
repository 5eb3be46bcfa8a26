// Package snapshot turns candidate Entries into one resolved, valid and
// immutable model.Snapshot, and the endpoints beside it. Equal candidates
// give equal snapshots, in whatever order they come. It never looks at a
// clock, a disk or a network.
package snapshot

import (
	"slices"

	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// Options are what a build needs beside the objects.
type Options struct {
	// WorkingDir is the absolute folder that relative origins start at.
	WorkingDir string
	// Previous is what the build before came to: the new snapshot shares with
	// it what did not change. nil: nothing is known.
	Previous *Result
	// Lower says what proxies decide of a policy by themselves, knowing the
	// attributes that the mesh declares. nil: nothing.
	Lower func(model.RegoPolicy, []*model.AttributeSet) *model.Lowered
}

// Result is a build's outcome. There is always a snapshot: what is bad is
// left out of it, or stands in it as it was before.
type Result struct {
	Snapshot  *model.Snapshot
	Endpoints model.Endpoints
	Problems  model.Problems
	// InForce are the entries that the snapshot was made of, by Ref.
	InForce []*crds.Entry

	steps    map[string]*kept // how it was made
	settings *model.Mesh
	mutual   *mutualEndpoints
}

// Build makes the snapshot. A version of an object that does not fit to the
// others gives way to the object's last good one, then to its denial. A
// VirtualService that has neither stays with the routes that lead nowhere:
// they answer 503, and the requests they were written for are not let loose
// on another route.
func Build(candidates []store.Candidate, o Options) Result {
	slots := newSlots(candidates)
	var problems model.Problems
	for {
		d := newDraft(current(slots), o)
		d.resolve()
		if !d.demote(slots, &problems) {
			return d.result(slots, problems)
		}
	}
}

// slot is one object with the versions that it can be in force as.
type slot struct {
	ref      model.Ref
	versions []*crds.Entry // newest first
	denial   *crds.Entry   // the last of versions, if any
	newest   *crds.Entry   // nil: it did not read well
	known    bool          // it is in force already, in some version
	dangling bool          // it stays, though some of its destinations are not there
}

func newSlots(candidates []store.Candidate) []*slot {
	all := make([]slot, len(candidates))
	versions := make([]*crds.Entry, 0, 3*len(candidates))
	out := make([]*slot, len(candidates))
	for i, c := range candidates {
		start := len(versions)
		for _, e := range [...]*crds.Entry{c.Entry, c.LastGood, c.Denial} {
			if e != nil {
				versions = append(versions, e)
			}
		}
		all[i] = slot{ref: c.Ref, denial: c.Denial, newest: c.Entry, known: c.Known, versions: versions[start:len(versions):len(versions)]}
		out[i] = &all[i]
	}
	byRef := func(a, b *slot) int { return a.ref.Compare(b.ref) }
	if !slices.IsSortedFunc(out, byRef) { // the store sorts them
		slices.SortStableFunc(out, byRef)
	}
	return out
}

func current(slots []*slot) []*slot {
	var out []*slot
	for _, s := range slots {
		if len(s.versions) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// demote takes the next version of the objects that have errors: of those
// only that others depend on, where there are any, for the errors of the
// others may come from them. It tells whether there was one.
func (d *draft) demote(slots []*slot, problems *model.Problems) bool {
	lowest := ranks
	for ref := range d.errors {
		lowest = min(lowest, rank(ref.Kind))
	}
	for _, s := range slots {
		errors := d.errors[s.ref]
		if len(errors) == 0 || rank(s.ref.Kind) != lowest || len(s.versions) == 0 {
			continue
		}
		if s.versions[0] == s.newest {
			*problems = append(*problems, errors...)
		}
		if s.dangling = len(s.versions) == 1 && d.onlyDangles(s.ref); !s.dangling {
			s.versions = s.versions[1:]
		}
	}
	return lowest < ranks
}

// ranks is the number of steps from what others refer to, to what nothing
// refers to.
const ranks = 4

func rank(kind string) int {
	switch kind {
	case "Mesh":
		return 0
	case "Service", "EndpointSlice", "ServiceEntry", "WorkloadEntry", "Secret", "TelemetryBackend", "AttributeSet":
		return 1
	case "Gateway", "DestinationRule":
		return 2
	}
	return 3
}

// dangling says what becomes of an object in force without what it names.
func dangling(e *crds.Entry) (message, fix string) {
	if e.Content.Filter != nil {
		return "it is in force; without the values of its secrets it does not start, and its failure policy decides",
			"declare what is missing, or change the configuration"
	}
	return "it is in force; requests that it sends to what is not there get 503", "declare what is missing, or change the route"
}

// result seals the last draft.
func (d *draft) result(slots []*slot, problems model.Problems) Result {
	out := Result{Snapshot: d.snap, Endpoints: d.served, Problems: append(problems, d.warnings...),
		InForce: make([]*crds.Entry, 0, len(slots)), steps: d.done, settings: d.settings, mutual: d.mutual}
	for _, s := range slots {
		if len(s.versions) == 0 {
			continue
		}
		e := s.versions[0]
		out.InForce = append(out.InForce, e)
		if s.dangling {
			message, fix := dangling(e)
			out.Problems = append(out.Problems, model.Problem{Code: model.CodeUnresolvedHost, Severity: model.Warning, Object: s.ref, Origin: e.Origin,
				Message: message, Fix: fix})
		}
		switch e {
		case s.newest:
		case s.denial:
			code, message, fix := denied(e)
			out.Problems = append(out.Problems, model.Problem{Code: code, Severity: model.Error, Object: s.ref, Origin: e.Origin,
				Message: message, Fix: fix})
		default:
			out.Problems = append(out.Problems, model.Problem{Code: model.CodeLastGood, Severity: model.Info, Object: s.ref, Origin: e.Origin,
				Message: "its last good version stays in force"})
		}
	}
	d.place()
	d.snap.Origins = origins(out.InForce, d.opts.Previous)
	if p := d.opts.Previous; p == nil {
		d.snap.Seal()
	} else {
		if slices.Equal(d.snap.Placements, p.Snapshot.Placements) {
			d.snap.Placements = p.Snapshot.Placements
		}
		d.snap.SealAfter(p.Snapshot)
	}
	out.Problems = out.Problems.Sorted()
	return out
}
