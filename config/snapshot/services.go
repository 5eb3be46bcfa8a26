package snapshot

import (
	"reflect"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// servicesStep is what can be called, and where it is served.
var servicesStep = step{
	name:  "services",
	kinds: []string{"Mesh", "ServiceEntry", "WorkloadEntry"},
	reads: func(*draft) []any { return nil },
	run:   (*draft).resolveServices,
	share: func(d *draft, p *Result) {
		if reflect.DeepEqual(p.settings, d.settings) {
			d.settings = p.settings
		}
		if reflect.DeepEqual(d.snap.Workloads, p.Snapshot.Workloads) {
			d.snap.Workloads = p.Snapshot.Workloads
		}
		d.snap.Services = shared(d.snap.Services, p.Snapshot.Services, func(v *model.Service) model.ServiceKey { return v.Key() })
		d.sorted = shared(d.sorted, p.Endpoints, func(v *model.ServiceEndpoints) model.ServiceKey { return v.Service })
	},
	outputs: func(d *draft) []any {
		return []any{&d.snap.Mesh, &d.settings, &d.snap.Workloads, &d.snap.Services, &d.services, &d.endpoints, &d.sorted}
	},
}

func (d *draft) resolveServices() {
	d.mesh()
	d.each(func(e *crds.Entry) {
		if e.Content.Workload != nil {
			d.external = append(d.external, e)
		}
	})
	d.byAge(d.serviceEntry)
	d.sortServices()
	d.localPorts()
	d.sorted = d.sortedEndpoints()
	settings := d.snap.Mesh
	d.settings = &settings
}

// serviceEntry adds the services of a ServiceEntry, one a host.
func (d *draft) serviceEntry(e *crds.Entry) {
	x := e.Content.Service
	if x == nil {
		return
	}
	endpoints := append([]model.Endpoint(nil), x.Endpoints...)
	if x.Select != nil {
		endpoints = append(endpoints, d.selected(e.Ref.Namespace, x)...)
		if len(endpoints) == 0 {
			d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.workloadSelector", "", "no WorkloadEntry and no workload of %s has these labels", e.Ref.Namespace)
		}
	}
	for i, host := range x.Hosts {
		s := x.Service
		s.Host = host
		if d.known(s.Key()) {
			d.problem(e, model.Error, model.CodeDuplicateObject, item("spec.hosts", i), "", "the host %s is a service of %s already", host, s.Namespace)
			continue
		}
		own := endpoints
		if s.Resolution == model.ResolutionDNS && len(endpoints) == 0 {
			own = []model.Endpoint{{Address: host, Health: model.Healthy, Weight: 1}}
		}
		d.services[host] = append(d.services[host], s)
		d.snap.Services = append(d.snap.Services, &s)
		d.endpoints[s.Key()] = append([]model.Endpoint(nil), own...)
	}
}

func (d *draft) known(k model.ServiceKey) bool {
	for _, s := range d.services[k.Host] {
		if s.Namespace == k.Namespace {
			return true
		}
	}
	return false
}

// selected are the WorkloadEntries and the Mesh's workloads of a namespace
// that have the labels.
func (d *draft) selected(namespace string, x *crds.ExternalService) []model.Endpoint {
	var out []model.Endpoint
	for _, w := range d.external {
		p := w.Content.Workload.Endpoint
		if w.Ref.Namespace == namespace && model.HasLabels(p.Labels, x.Select) {
			p.Workload = w.Ref.Key()
			out = append(out, p)
		}
	}
	for _, w := range d.snap.Workloads {
		if w.Namespace != namespace || w.Gateway || !model.HasLabels(w.Labels, x.Select) {
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
