package snapshot

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// endpointSlice keeps the endpoints for their Service.
func (d *draft) endpointSlice(e *crds.Entry) {
	if s := e.Content.EndpointSlice; s != nil {
		key := model.Ref{Namespace: e.Ref.Namespace, Name: s.Service}
		d.slices[key] = append(d.slices[key], s.Endpoints...)
	}
}

// orphanSlice warns of endpoints of a Service that is not there.
func (d *draft) orphanSlice(e *crds.Entry) {
	if s := e.Content.EndpointSlice; s != nil {
		if found := d.declared(d.kubeKey(s.Service, e.Ref.Namespace)); found == nil || found.Object.Kind != "Service" {
			d.problem(e, model.Warning, model.CodeUnresolvedHost, "metadata.labels", "declare it, or correct the label", "there is no Service %s/%s", e.Ref.Namespace, s.Service)
		}
	}
}

func (d *draft) kubeKey(name, namespace string) model.ServiceKey {
	return model.ServiceKey{Host: name + "." + namespace + ".svc." + d.snap.Mesh.Domain, Namespace: namespace}
}

// kubeService adds a Kubernetes Service. What it says of a host comes before
// what follows from the Mesh's workloads.
func (d *draft) kubeService(e *crds.Entry) {
	x := e.Content.KubeService
	if x == nil {
		return
	}
	s := x.Service
	key := d.kubeKey(e.Ref.Name, e.Ref.Namespace)
	s.Host, s.ExportTo = key.Host, d.exportTo(s.ExportTo)
	fromMesh := d.endpoints[key]
	d.services[key.Host] = []model.Service{s}
	d.endpoints[key] = d.kubeEndpoints(e, x, s, fromMesh)
}

// kubeEndpoints are those of the Service's slices; else the workloads that it
// selects; else, where it selects by no label, the workloads that name it.
func (d *draft) kubeEndpoints(e *crds.Entry, x *crds.KubeService, s model.Service, fromMesh []model.Endpoint) []model.Endpoint {
	if s.Resolution != model.ResolutionStatic {
		return x.Endpoints
	}
	sliced, given := d.slices[model.Ref{Namespace: e.Ref.Namespace, Name: e.Ref.Name}]
	var out []model.Endpoint
	for _, ep := range sliced {
		if ep.Health == model.Healthy || x.NotReady {
			ep.Health = model.Healthy
			out = append(out, d.known(ep))
		}
	}
	if len(x.Select) > 0 {
		for _, ep := range d.selectedEntries(e.Ref.Namespace, x.Select) {
			ep.Ports = targetPorts(x, s, ep.Ports)
			out = append(out, ep)
		}
		if !given {
			out = append(out, d.pods(e, x, s)...)
		}
		if !given && len(out) == 0 && !d.mayRegister(e.Ref.Namespace, x.Select) {
			d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.selector", "", "no workload and no WorkloadEntry of %s has these labels", e.Ref.Namespace)
		}
		return out
	}
	if !given {
		return fromMesh
	}
	return out
}

// known gives an endpoint what the Mesh says of its workload.
func (d *draft) known(ep model.Endpoint) model.Endpoint {
	for _, w := range d.snap.Workloads {
		if w.ID() == ep.Workload || ep.Workload == "" && w.Address == ep.Address {
			ep.Workload, ep.Labels, ep.ServiceAccount, ep.Cluster = w.ID(), w.Labels, w.ServiceAccount, w.Cluster
			if ep.Locality == "" {
				ep.Locality = w.Locality
			}
		}
	}
	return ep
}

// pods are the Mesh's workloads that a Service selects.
func (d *draft) pods(e *crds.Entry, x *crds.KubeService, s model.Service) []model.Endpoint {
	var out []model.Endpoint
	for _, w := range d.snap.Workloads {
		if w.Namespace != e.Ref.Namespace || !model.HasLabels(w.Labels, x.Select) {
			continue
		}
		byName, byNumber := map[string]uint32{}, map[uint32]bool{}
		for _, p := range w.Ports {
			byName[p.Name], byNumber[p.Number] = p.Number, true
		}
		ep := workloadEndpoint(w, targetPorts(x, s, byName))
		for i, p := range s.Ports {
			switch target := x.TargetNames[p.Name]; {
			case target != "" && byName[target] == 0:
				d.problem(e, model.Warning, model.CodePort, item("spec.ports", i)+".targetPort", "", "%s has no port named %s: calls to it fail", w.ID(), target)
			case target == "" && !byNumber[ep.PortFor(p)] && !w.Gateway:
				d.problem(e, model.Warning, model.CodePort, item("spec.ports", i)+".targetPort", "", "%s has no port %d: calls to it fail", w.ID(), ep.PortFor(p))
			}
		}
		out = append(out, ep)
	}
	return out
}

// targetPorts are the ports that a Service names rather than numbers.
func targetPorts(x *crds.KubeService, s model.Service, workload map[string]uint32) map[string]uint32 {
	var out map[string]uint32
	for _, p := range s.Ports {
		if n := workload[x.TargetNames[p.Name]]; n != 0 {
			if out == nil {
				out = map[string]uint32{}
			}
			out[p.Name] = n
		}
	}
	return out
}
