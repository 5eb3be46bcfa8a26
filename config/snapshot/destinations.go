package snapshot

import (
	"reflect"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var destinationsStep = step{
	name:  "destinations",
	kinds: []string{"DestinationRule"},
	reads: func(d *draft) []any {
		return []any{d.settings, listID(d.snap.Services), listID(d.sorted), listID(d.snap.Secrets)}
	},
	parts: func(d *draft) []any { return []any{d.settings, listID(d.snap.Services), listID(d.snap.Secrets)} },
	run:   (*draft).resolveDestinations,
	share: func(d *draft, p *Result) {
		d.snap.Destinations = shared(d.snap.Destinations, p.Snapshot.Destinations, func(v *model.DestinationPolicy) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Destinations, &d.subsets} },
}

func (d *draft) resolveDestinations() {
	d.byCreation(d.destinationRule)
	slices.SortStableFunc(d.snap.Destinations, func(a, b *model.DestinationPolicy) int { return a.Object.Compare(b.Object) })
}

// destinations finds DestinationRules by namespace and host, oldest first.
type destinations struct {
	exact     map[string][]*model.DestinationPolicy // "namespace host"
	wildcards map[string][]*model.DestinationPolicy // "namespace"
}

// destinationRule adds a DestinationRule, or makes it part of an older one.
func (d *draft) destinationRule(e *crds.Entry) {
	if e.Content.Destination == nil {
		return
	}
	p := *e.Content.Destination
	p.Host = d.qualify(p.Host, e.Ref.Namespace)
	p.Subsets = slices.Clone(p.Subsets)
	if len(p.ExportTo) == 0 {
		p.ExportTo = d.snap.Mesh.DestinationExportTo
	}
	d.once(e, d.servedAt(p.Host, e.Ref.Namespace), func() any { d.checkDestination(e, p); return nil })
	if d.merged(e, p) {
		return
	}
	if strings.HasPrefix(p.Host, "*") {
		d.subsets.wildcards[e.Ref.Namespace] = append(d.subsets.wildcards[e.Ref.Namespace], &p)
	} else {
		key := e.Ref.Namespace + " " + p.Host
		d.subsets.exact[key] = append(d.subsets.exact[key], &p)
	}
	d.snap.Destinations = append(d.snap.Destinations, &p)
}

// servedAt is where the service of a host is served.
func (d *draft) servedAt(host, from string) *model.ServiceEndpoints {
	if s, ok := d.service(host, from); ok {
		return d.sorted.Find(s.Key())
	}
	return nil
}

// merged makes a DestinationRule part of the older ones of its namespace for
// the same host and the same callers, as Istio does. It is one of its own too
// where more namespaces see it.
func (d *draft) merged(e *crds.Entry, p model.DestinationPolicy) bool {
	older := d.subsets.exact[e.Ref.Namespace+" "+p.Host]
	if strings.HasPrefix(p.Host, "*") {
		older = d.subsets.wildcards[e.Ref.Namespace]
	}
	for _, o := range older {
		if o.Host != p.Host || !sameCallers(o.Selector, p.Selector) || !exportsMore(p, *o) {
			continue
		}
		d.merge(e, o, p)
		if exportsMore(*o, p) {
			return true
		}
	}
	return false
}

// merge gives an older DestinationRule the subsets that it lacks, and the
// policy if it has none.
func (d *draft) merge(e *crds.Entry, older *model.DestinationPolicy, p model.DestinationPolicy) {
	older.Merged = append(older.Merged, e.Ref)
	for i, s := range p.Subsets {
		if slices.ContainsFunc(older.Subsets, func(o model.Subset) bool { return o.Name == s.Name }) {
			d.problem(e, model.Warning, model.CodeShadowed, item("spec.subsets", i)+".name", "keep one of them",
				"%s declares the subset %s of %s already: that one counts", older.Object, s.Name, p.Host)
			continue
		}
		older.Subsets = append(older.Subsets, s)
	}
	switch {
	case reflect.ValueOf(p.Policy).IsZero():
	case reflect.ValueOf(older.Policy).IsZero():
		older.Policy = p.Policy
	case !reflect.DeepEqual(older.Policy, p.Policy):
		d.problem(e, model.Warning, model.CodeShadowed, "spec.trafficPolicy", "keep one of them",
			"%s has a traffic policy for %s already: that one counts", older.Object, p.Host)
	}
}

func sameCallers(a, b *model.Selector) bool {
	return a == nil && b == nil || a != nil && b != nil && reflect.DeepEqual(a.Labels, b.Labels)
}

// exportsMore tells whether all that see b see a.
func exportsMore(a, b model.DestinationPolicy) bool {
	for _, to := range b.ExportTo {
		if to == "." {
			to = b.Object.Namespace
		}
		if !model.Exported(a.ExportTo, a.Object.Namespace, to) {
			return false
		}
	}
	return len(b.ExportTo) > 0 || len(a.ExportTo) == 0 || slices.Contains(a.ExportTo, "*")
}

// hasSubset looks where the proxies look: the caller's namespace, the
// service's, the root namespace; an exact host before a wildcard. Which labels
// the callers have is not known: one of those that select callers may have it.
func (d *draft) hasSubset(s model.Service, subset, client string) bool {
	for _, ns := range []string{client, s.Namespace, d.snap.Mesh.RootNamespace} {
		for _, list := range [][]*model.DestinationPolicy{d.subsets.exact[ns+" "+s.Host], d.subsets.wildcardsFor(ns, s.Host)} {
			decided := false
			for _, p := range list {
				if !model.Exported(p.ExportTo, ns, client) || p.Selector != nil && ns != client || p.Selector == nil && decided {
					continue
				}
				if slices.ContainsFunc(p.Subsets, func(o model.Subset) bool { return o.Name == subset }) {
					return true
				}
				decided = decided || p.Selector == nil
			}
			if decided {
				return false
			}
		}
	}
	return false
}

// wildcardsFor are those with the longest pattern that covers a host.
func (x destinations) wildcardsFor(ns, host string) []*model.DestinationPolicy {
	var best []*model.DestinationPolicy
	for _, p := range x.wildcards[ns] {
		switch {
		case !model.HostMatches(p.Host, host):
		case len(best) == 0 || len(p.Host) == len(best[0].Host):
			best = append(best, p)
		case len(p.Host) > len(best[0].Host):
			best = []*model.DestinationPolicy{p}
		}
	}
	return best
}
