package snapshot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// serviceEntry adds the services of a ServiceEntry, one a host.
func (d *draft) serviceEntry(e *crds.Entry) {
	x := e.Content.Service
	if x == nil {
		return
	}
	// Sorted once: the same list is seen to be the same.
	endpoints := d.once(e, nil, func() any { return inOrder(x.Endpoints) }).([]model.Endpoint)
	if x.Select != nil {
		endpoints = append(slices.Clip(endpoints), d.selected(e.Ref.Namespace, x.Select)...)
		if len(endpoints) == 0 && !d.mayRegister(e.Ref.Namespace, x.Select) {
			d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.workloadSelector", "", "no WorkloadEntry and no workload of %s has these labels", e.Ref.Namespace)
		}
	}
	for i, host := range x.Hosts {
		s := x.Service
		s.Host, s.ExportTo = host, d.exportTo(s.ExportTo)
		older := d.declared(s.Key())
		if older == nil {
			d.services[host] = append(d.services[host], s)
			d.selects[s.Key()] = x.Select
			d.endpoints[s.Key()] = endpoints
			continue
		}
		if why := d.cannotMerge(older, &s, x.Select); why != "" {
			d.problem(e, model.Error, model.CodeDuplicateObject, item("spec.hosts", i), "", "the host %s is a service of %s already, of %s%s", host, s.Namespace, older.Object, why)
			continue
		}
		d.mergeService(e, older, s, endpoints)
	}
}

// cannotMerge says what keeps a ServiceEntry from being a part of an older
// one's service, by Istio's rule; "" is nothing.
func (d *draft) cannotMerge(older, s *model.Service, selects map[string]string) string {
	switch {
	case older.Object.Kind != s.Object.Kind:
		return ", which is not joined with others"
	case older.Resolution != s.Resolution:
		return fmt.Sprintf(", with resolution %s", older.Resolution)
	case !sameSet(older.ExportTo, s.ExportTo):
		return ", with another exportTo"
	case !maps.Equal(d.selects[older.Key()], selects):
		return ", with another workloadSelector"
	}
	return ""
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// mergeService gives an older ServiceEntry's service the ports, the addresses
// and the endpoints that another one has for the same host.
func (d *draft) mergeService(e *crds.Entry, older *model.Service, s model.Service, endpoints []model.Endpoint) {
	older.Ports, older.Addresses = slices.Clone(older.Ports), slices.Clone(older.Addresses)
	renamed := map[string]string{}
	for i, p := range s.Ports {
		at := item("spec.ports", i)
		if known, twice := older.PortNumbered(p.Number); twice {
			if known.Protocol != p.Protocol || known.TargetPort != p.TargetPort {
				d.problem(e, model.Warning, model.CodeShadowed, at, "declare the port once", "%s declares port %d of %s already: that one counts", older.Object, p.Number, s.Host)
			}
			renamed[p.Name] = known.Name
			continue
		}
		if slices.ContainsFunc(older.Ports, func(o model.Port) bool { return o.Name == p.Name }) {
			renamed[p.Name] = fmt.Sprintf("%s-%d", p.Name, p.Number)
			p.Name = renamed[p.Name]
		}
		older.Ports = append(older.Ports, p)
	}
	for _, a := range s.Addresses {
		if !slices.Contains(older.Addresses, a) {
			older.Addresses = append(older.Addresses, a)
		}
	}
	older.Merged = append(slices.Clip(older.Merged), e.Ref)
	list := slices.Clip(d.endpoints[older.Key()])
	for _, ep := range endpoints {
		ports := make(map[string]uint32, len(ep.Ports))
		for name, n := range ep.Ports {
			if to := renamed[name]; to != "" {
				name = to
			}
			ports[name] = n
		}
		if len(ports) > 0 {
			ep.Ports = ports
		}
		list = append(list, ep)
	}
	d.endpoints[older.Key()] = list
}

// ownNames lets services that are found by DNS, and say nothing else, be found
// by their own name.
func (d *draft) ownNames() {
	for host, list := range d.services {
		for _, s := range list {
			byName := s.Resolution == model.ResolutionDNS || s.Resolution == model.ResolutionDNSRoundRobin
			if byName && !strings.HasPrefix(host, "*") && len(d.endpoints[s.Key()]) == 0 && d.selects[s.Key()] == nil {
				d.endpoints[s.Key()] = []model.Endpoint{{Address: host, Health: model.Healthy, Weight: 1}}
			}
		}
	}
}

// selected are the WorkloadEntries and the Mesh's workloads of a namespace
// that have the labels.
func (d *draft) selected(namespace string, labels map[string]string) []model.Endpoint {
	out := d.selectedEntries(namespace, labels)
	for _, w := range d.snap.Workloads {
		if w.Namespace != namespace || w.Gateway || !model.HasLabels(w.Labels, labels) {
			continue
		}
		ports := map[string]uint32{}
		for _, p := range w.Ports {
			ports[p.Name] = p.Number
		}
		out = append(out, workloadEndpoint(w, ports))
	}
	return out
}

func (d *draft) selectedEntries(namespace string, labels map[string]string) []model.Endpoint {
	var out []model.Endpoint
	for _, w := range d.external {
		p := w.Content.Workload.Endpoint
		if w.Ref.Namespace == namespace && model.HasLabels(p.Labels, labels) {
			p.Workload = w.Ref.Key()
			out = append(out, p)
		}
	}
	return out
}
