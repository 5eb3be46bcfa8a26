// Package mesh is what the collector's components know of the mesh: the
// workload at an address, the declared metrics and logs, the names that are
// redacted. A View changes while the pipelines run; it never starts anything.
package mesh

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/krater-mesh/krater/model"
)

// View answers the components' questions; Set replaces what it knows. The
// zero value knows nothing and is ready to use.
type View struct{ state atomic.Pointer[state] }

// state is one immutable answer to all questions.
type state struct {
	byAddress map[netip.Addr]model.Workload
	byID      map[string]model.Workload
	rules     map[string]model.TelemetryRule // by key
	redacted  []model.AttributeSet           // only sets that redact something
	sets      []*model.AttributeSet
	reads     map[string]model.PolicyReads // by "Kind namespace/name"
}

// Set replaces what the view knows. Of two workloads with one address the
// first counts.
func (v *View) Set(workloads []model.Workload, rules []model.TelemetryRule, attributes []model.AttributeSet, reads ...model.PolicyReads) {
	s := &state{
		byAddress: make(map[netip.Addr]model.Workload, len(workloads)),
		byID:      make(map[string]model.Workload, len(workloads)),
		rules:     make(map[string]model.TelemetryRule, len(rules)),
		reads:     make(map[string]model.PolicyReads, len(reads)),
	}
	for _, r := range reads {
		s.reads[r.Object.String()] = r
	}
	for _, w := range workloads {
		s.byID[w.ID()] = w
		addr, err := netip.ParseAddr(w.Address)
		if err != nil {
			continue // a name: nothing arrives from a name
		}
		if _, taken := s.byAddress[addr.Unmap()]; !taken {
			s.byAddress[addr.Unmap()] = w
		}
	}
	for _, r := range rules {
		s.rules[r.Object.Key()] = r
	}
	for _, set := range attributes {
		s.sets = append(s.sets, &set)
		if slices.ContainsFunc(set.Attributes, func(a model.Attribute) bool { return a.Redact }) {
			s.redacted = append(s.redacted, set)
		}
	}
	v.state.Store(s)
}

// known is the present state, never nil.
func (v *View) known() *state {
	if s := v.state.Load(); s != nil {
		return s
	}
	return &state{}
}

// At finds the workload that has an IP address (without a port).
func (v *View) At(address string) (model.Workload, bool) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return model.Workload{}, false
	}
	w, ok := v.known().byAddress[addr.Unmap()]
	return w, ok
}

// Workload finds a workload by "namespace/name".
func (v *View) Workload(id string) (model.Workload, bool) {
	w, ok := v.known().byID[id]
	return w, ok
}

// Metric finds a declared metric by its rule's "namespace/name".
func (v *View) Metric(rule, name string) (model.Metric, bool) {
	for _, m := range v.known().rules[rule].Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return model.Metric{}, false
}

// Sends tells whether a rule ("namespace/name") sends to a backend
// ("namespace/name"). A backend named without a namespace is in the rule's.
func (v *View) Sends(rule, backend string) bool {
	r, ok := v.known().rules[rule]
	return ok && slices.ContainsFunc(r.Backends, func(b string) bool {
		ns, name := model.ParseKey(b, r.Object.Namespace)
		return ns+"/"+name == backend
	})
}

// Redacted tells whether an attribute's value must not leave a proxy
// ("namespace/name"). Where the proxy is not known, any set that redacts the
// name counts.
func (v *View) Redacted(attribute, proxy string) bool {
	s := v.known()
	w, known := s.byID[proxy]
	return slices.ContainsFunc(s.redacted, func(set model.AttributeSet) bool {
		return (!known || set.Selector.Matches(w)) && slices.ContainsFunc(set.Attributes, func(a model.Attribute) bool {
			return a.Redact && a.Name == attribute
		})
	})
}
