package snapshot

import (
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// destinations finds DestinationRules by namespace and host.
type destinations struct {
	exact     map[string]*model.DestinationPolicy // "namespace host"
	wildcards []*model.DestinationPolicy
}

// destinationRule adds a DestinationRule. The first of a namespace for one
// host counts.
func (d *draft) destinationRule(e *crds.Entry) {
	if e.Content.Destination == nil {
		return
	}
	p := *e.Content.Destination
	p.Host = d.qualify(p.Host, e.Ref.Namespace)
	if d.subsets.exact == nil {
		d.subsets.exact = map[string]*model.DestinationPolicy{}
	}
	key := e.Ref.Namespace + " " + p.Host
	if other := d.subsets.exact[key]; other != nil {
		d.problem(e, model.Error, model.CodeHostConflict, "spec.host", "merge the two", "%s is for the host %s already", other.Object, p.Host)
		return
	}
	d.subsets.exact[key] = &p
	if strings.HasPrefix(p.Host, "*") {
		d.subsets.wildcards = append(d.subsets.wildcards, &p)
	} else if s, ok := d.service(p.Host, e.Ref.Namespace); ok {
		d.subsetsOf(e, p, s)
	} else {
		d.problem(e, model.Error, model.CodeUnresolvedHost, "spec.host", d.hostLike(p.Host, e.Ref.Namespace), "no service has the host %s", p.Host)
	}
	d.snap.Destinations = append(d.snap.Destinations, &p)
}

// subsetsOf warns of subsets that no endpoint is in.
func (d *draft) subsetsOf(e *crds.Entry, p model.DestinationPolicy, s model.Service) {
	for i, subset := range p.Subsets {
		found := false
		for _, ep := range d.endpoints[s.Key()] {
			found = found || model.HasLabels(ep.Labels, subset.Labels)
		}
		if !found {
			d.problem(e, model.Warning, model.CodeUnresolvedSubset, item("spec.subsets", i)+".labels", "",
				"no workload of %s has the labels of the subset %s: calls to it fail", s.Host, subset.Name)
		}
	}
}

// hasSubset looks where the proxies look: the caller's namespace, the
// service's, the root namespace.
func (d *draft) hasSubset(s model.Service, subset, client string) bool {
	for _, ns := range []string{client, s.Namespace, d.snap.Mesh.RootNamespace} {
		p := d.subsets.exact[ns+" "+s.Host]
		for _, w := range d.subsets.wildcards {
			if p == nil && w.Object.Namespace == ns && model.HostMatches(w.Host, s.Host) {
				p = w
			}
		}
		if p == nil || !model.Exported(p.ExportTo, ns, client) {
			continue
		}
		for _, sub := range p.Subsets {
			if sub.Name == subset {
				return true
			}
		}
		return false
	}
	return false
}
