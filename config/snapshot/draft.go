package snapshot

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// draft is one attempt: one version of each object, resolved against the
// others.
type draft struct {
	opts      Options
	byKind    map[string][]*slot // by Ref
	slots     []*slot            // of the step that is done now, by Ref
	oldest    []*slot            // the same by creation
	done      map[string]*kept   // steps, by name
	now       *kept              // the step that is done now
	before    *kept              // what it came to, reading the same; nil: it did not
	snap      *model.Snapshot
	endpoints map[model.ServiceKey][]model.Endpoint
	sorted    model.Endpoints // the same, as others see them
	served    model.Endpoints // with how each takes calls
	mutual    *mutualEndpoints
	settings  *model.Mesh // the same pointer is the same settings
	errors    map[model.Ref]model.Problems
	dangles   map[model.Ref]int  // errors that are missing destinations
	accepted  map[model.Ref]bool // may have them
	warnings  model.Problems

	services  map[string][]model.Service // by host
	subsets   destinations
	owners    map[string][]*model.RouteTable // of the mesh's hosts
	delegates map[string]*delegate           // by "namespace/name"
	backends  map[string]bool
	listens   map[string]model.Ref // Prometheus backends, by address
	external  []*crds.Entry        // WorkloadEntries
	secrets   *secretData
	slices    map[model.Ref][]model.Endpoint
	checkMesh func()                                 // when it is known which services follow from it
	selects   map[model.ServiceKey]map[string]string // ServiceEntries' workloadSelectors
}

func newDraft(slots []*slot, o Options) *draft {
	d := &draft{opts: o, subsets: destinations{exact: map[string][]*model.DestinationPolicy{}, wildcards: map[string][]*model.DestinationPolicy{}},
		byKind: map[string][]*slot{}, done: map[string]*kept{},
		accepted: map[model.Ref]bool{}, dangles: map[model.Ref]int{}, snap: &model.Snapshot{Mesh: crds.DefaultMesh()},
		endpoints: map[model.ServiceKey][]model.Endpoint{}, errors: map[model.Ref]model.Problems{},
		services: map[string][]model.Service{}, backends: map[string]bool{},
		owners: map[string][]*model.RouteTable{}, delegates: map[string]*delegate{}, listens: map[string]model.Ref{},
		slices: map[model.Ref][]model.Endpoint{}, checkMesh: func() {}, selects: map[model.ServiceKey]map[string]string{}}
	for from := 0; from < len(slots); {
		to := from
		for to < len(slots) && slots[to].ref.Kind == slots[from].ref.Kind {
			if slots[to].dangling {
				d.accepted[slots[to].ref] = true
			}
			to++
		}
		d.byKind[slots[from].ref.Kind] = slots[from:to]
		from = to
	}
	return d
}

// resolve fills the snapshot, step by step.
func (d *draft) resolve() {
	for _, s := range steps {
		d.do(s)
	}
}

// each visits the entries by Ref.
func (d *draft) each(visit func(*crds.Entry)) {
	for _, s := range d.slots {
		visit(s.versions[0])
	}
}

// byAge visits what is in force already before what is new: where two objects
// want one thing, the older has it.
func (d *draft) byAge(visit func(*crds.Entry)) {
	for _, known := range []bool{true, false} {
		for _, s := range d.oldest {
			if s.known == known {
				visit(s.versions[0])
			}
		}
	}
}

// byCreation visits what Kubernetes made first, first, then by Ref. What comes
// of it is the same after a restart.
func (d *draft) byCreation(visit func(*crds.Entry)) {
	for _, s := range d.oldest {
		visit(s.versions[0])
	}
}

// byTime sorts by creation, then by Ref. What has no time comes last: files
// give none.
func byTime(slots []*slot) []*slot {
	list := slices.Clone(slots)
	slices.SortStableFunc(list, func(a, b *slot) int {
		x, y := a.versions[0].Created, b.versions[0].Created
		if (x == "") != (y == "") {
			return strings.Compare(y, x)
		}
		return strings.Compare(x, y)
	})
	return list
}

// problem reports on a field of an entry. An Error keeps the entry out.
func (d *draft) problem(e *crds.Entry, severity model.Severity, code, field, fix, format string, args ...any) {
	p := model.Problem{Code: code, Severity: severity, Object: e.Ref, Field: field, Fix: fix,
		Message: fmt.Sprintf(format, args...), Origin: e.At(field)}
	if severity == model.Error {
		d.errors[e.Ref] = append(d.errors[e.Ref], p)
		return
	}
	d.warnings = append(d.warnings, p)
}

// missing reports a destination that is not there.
func (d *draft) missing(e *crds.Entry, field, fix, format string, args ...any) {
	if d.accepted[e.Ref] {
		return // reported before
	}
	d.dangles[e.Ref]++
	d.problem(e, model.Error, model.CodeUnresolvedHost, field, fix, format, args...)
}

// onlyDangles tells whether all that is wrong with an object is destinations
// that are not there.
func (d *draft) onlyDangles(ref model.Ref) bool {
	return d.dangles[ref] > 0 && d.dangles[ref] == len(d.errors[ref])
}

// sortedEndpoints are the endpoints as others see them.
func (d *draft) sortedEndpoints() model.Endpoints {
	out := make(model.Endpoints, 0, len(d.endpoints))
	for k, list := range d.endpoints {
		out = append(out, &model.ServiceEndpoints{Service: k, Endpoints: inOrder(list)})
	}
	out.Sort()
	return out
}

// inOrder is the list itself where it is in order: it may be an object's own.
func inOrder(list []model.Endpoint) []model.Endpoint {
	byAddress := func(a, b model.Endpoint) int {
		return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Workload, b.Workload))
	}
	if !slices.IsSortedFunc(list, byAddress) {
		list = slices.Clone(list)
		slices.SortStableFunc(list, byAddress)
	}
	return list
}

// abs makes a path that started at an origin absolute.
func (d *draft) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.opts.WorkingDir, path)
}
