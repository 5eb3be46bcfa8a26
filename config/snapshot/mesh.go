package snapshot

import (
	"slices"
	"sort"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// mesh takes the settings and workloads of the Mesh object.
func (d *draft) mesh() {
	var first *crds.Entry
	d.byAge(func(e *crds.Entry) {
		switch {
		case e.Content.Mesh == nil:
		case first == nil:
			first = e
		default:
			d.problem(e, model.Error, model.CodeDuplicateObject, "", "keep one of them", "there is a Mesh already: %s at %s", first.Ref, first.Origin)
		}
	})
	if first == nil {
		return
	}
	m := first.Content.Mesh
	d.snap.Mesh = m.Settings
	workloads := d.assign(first, m)
	for i := range workloads {
		w := &workloads[i]
		if w.Process != nil {
			p := *w.Process
			p.Dir = d.abs(p.Dir)
			w.Process = &p
		}
		if w.Gateway || len(w.Ports) == 0 {
			w.Service = ""
			continue
		}
		w.Service = d.qualify(w.Service, w.Namespace)
		d.meshService(first, m.Fields[i], m.Workloads[i].Service, *w)
	}
	inOrder := slices.Clone(workloads)
	d.checkMesh = func() { d.checkPorts(first, m, inOrder) }
	sort.Slice(workloads, func(i, j int) bool { return workloads[i].ID() < workloads[j].ID() })
	d.snap.Workloads = workloads
}

// meshService adds a workload to the service that it serves.
func (d *draft) meshService(e *crds.Entry, field, name string, w model.Workload) {
	s := model.Service{Object: e.Ref, Host: w.Service, Namespace: w.Namespace, Name: name, Resolution: model.ResolutionStatic, ExportTo: d.snap.Mesh.ServiceExportTo}
	for _, known := range d.services[s.Host] {
		s = known
	}
	ports := map[string]uint32{}
	for i, p := range w.Ports {
		ports[p.Name] = p.Number
		known, ok := s.PortNumbered(p.Number)
		switch {
		case !ok:
			s.Ports = append(s.Ports, model.Port{Number: p.Number, Name: p.Name, Protocol: p.Protocol})
		case known.Name != p.Name || known.Protocol != p.Protocol:
			d.problem(e, model.Error, model.CodePort, item(field+".ports", i), "give all workloads of a service the same ports",
				"port %d of %s is %s (%s) at another workload", p.Number, s.Host, known.Name, known.Protocol)
		}
	}
	sort.Slice(s.Ports, func(i, j int) bool { return s.Ports[i].Number < s.Ports[j].Number })
	d.services[s.Host] = []model.Service{s}
	d.endpoints[s.Key()] = append(d.endpoints[s.Key()], workloadEndpoint(w, ports))
}

// checkPorts warns of workloads that lack a port of their service: a part of
// the calls to it fails.
func (d *draft) checkPorts(e *crds.Entry, m *crds.Mesh, workloads []model.Workload) {
	for i, w := range workloads {
		for _, s := range d.services[w.Service] {
			for _, p := range s.Ports {
				if s.Object == e.Ref && !slices.ContainsFunc(w.Ports, func(own model.WorkloadPort) bool { return own.Number == p.Number }) {
					d.problem(e, model.Warning, model.CodePort, m.Fields[i]+".ports", "give all workloads of a service the same ports",
						"%s does not serve port %d of its service %s", w.ID(), p.Number, s.Host)
				}
			}
		}
	}
}

func workloadEndpoint(w model.Workload, ports map[string]uint32) model.Endpoint {
	return model.Endpoint{Cluster: w.Cluster, Network: w.Network, Locality: w.Locality, Address: w.Address, Ports: ports,
		Labels: w.Labels, Workload: w.ID(), ServiceAccount: w.ServiceAccount, Health: model.Healthy, Weight: 1}
}
