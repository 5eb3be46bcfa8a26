package snapshot

import (
	"reflect"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// servicesStep is what can be called, and where it is served.
var servicesStep = step{
	name:  "services",
	kinds: []string{"Mesh", "Service", "EndpointSlice", "ServiceEntry", "WorkloadEntry"},
	reads: func(d *draft) []any { return []any{listID(d.snap.Groups)} },
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

// resolveServices takes the Mesh's workloads, then Kubernetes' Services, which
// say more of a host than the Mesh does, then ServiceEntries, which take
// nothing from either.
func (d *draft) resolveServices() {
	d.mesh()
	d.each(func(e *crds.Entry) {
		if e.Content.Workload != nil {
			d.external = append(d.external, e)
		}
	})
	d.each(d.endpointSlice)
	d.each(d.kubeService)
	d.each(d.orphanSlice)
	d.checkMesh()
	d.byAge(d.serviceEntry)
	d.ownNames()
	d.listServices()
	d.entryWorkloads()
	d.localPorts()
	d.autoAddresses()
	d.sorted = d.sortedEndpoints()
	settings := d.snap.Mesh
	d.settings = &settings
}

// listServices lists the services by host and namespace.
func (d *draft) listServices() {
	for _, list := range d.services {
		for _, s := range list {
			d.snap.Services = append(d.snap.Services, &s)
		}
	}
	slices.SortFunc(d.snap.Services, func(a, b *model.Service) int { return a.Key().Compare(b.Key()) })
}

// declared finds the service of a host in a namespace.
func (d *draft) declared(k model.ServiceKey) *model.Service {
	list := d.services[k.Host]
	for i := range list {
		if list[i].Namespace == k.Namespace {
			return &list[i]
		}
	}
	return nil
}

// exportTo applies the mesh's default.
func (d *draft) exportTo(own []string) []string {
	if len(own) == 0 {
		return d.snap.Mesh.ServiceExportTo
	}
	return own
}
