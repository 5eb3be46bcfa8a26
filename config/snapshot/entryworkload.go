package snapshot

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// entryWorkloads makes workloads of the WorkloadEntries that an agent stands
// beside. What they serve is what the services that select them say.
func (d *draft) entryWorkloads() {
	var list []model.Workload
	entries := map[string]*crds.Entry{}
	for _, e := range d.external {
		if !e.Content.Workload.Agent || d.takenByMesh(e) {
			continue
		}
		list = append(list, entryWorkload(e))
		entries[e.Ref.Key()] = e
	}
	if len(list) == 0 {
		return
	}
	at := map[string]*model.Workload{}
	for i := range list {
		at[list[i].ID()] = &list[i]
	}
	for _, s := range d.snap.Services {
		for _, ep := range d.endpoints[s.Key()] {
			if w := at[ep.Workload]; w != nil {
				d.servedPorts(entries[ep.Workload], w, s, ep)
			}
		}
	}
	list = append(list, d.snap.Workloads...)
	slices.SortFunc(list, func(a, b model.Workload) int { return strings.Compare(a.ID(), b.ID()) })
	d.snap.Workloads = list
}

// takenByMesh tells whether the Mesh has a workload of the entry's name.
func (d *draft) takenByMesh(e *crds.Entry) bool {
	for _, w := range d.snap.Workloads {
		if w.ID() == e.Ref.Key() {
			d.problem(e, model.Error, model.CodeDuplicateObject, "metadata.name", "rename one of them", "%s is a workload of %s already", w.ID(), w.Object)
			return true
		}
	}
	return false
}

func entryWorkload(e *crds.Entry) model.Workload {
	x := e.Content.Workload
	p := x.Endpoint
	w := model.Workload{Object: e.Ref, Namespace: e.Ref.Namespace, Name: e.Ref.Name, Labels: p.Labels, ServiceAccount: p.ServiceAccount,
		Address: p.Address, Cluster: p.Cluster, Network: p.Network, Locality: p.Locality, Interception: model.InterceptByRedirect,
		Group: x.Group, Metrics: x.Metrics}
	if a, err := netip.ParseAddr(p.Address); err == nil && a.IsLoopback() {
		w.Interception = model.InterceptByProxy
	}
	return w
}

// servedPorts adds the ports of a service to a workload that serves it. Its
// application listens on the very port that callers connect to.
func (d *draft) servedPorts(e *crds.Entry, w *model.Workload, s *model.Service, ep model.Endpoint) {
	if w.Service == "" {
		w.Service = s.Host
	}
	for _, p := range s.Ports {
		n := ep.PortFor(p)
		i := slices.IndexFunc(w.Ports, func(o model.WorkloadPort) bool { return o.Number == n })
		switch {
		case i < 0:
			w.Ports = append(w.Ports, model.WorkloadPort{Number: n, AppPort: n, Name: p.Name, Protocol: p.Protocol})
		case w.Ports[i].Protocol != p.Protocol:
			d.problem(e, model.Warning, model.CodePort, "spec.ports", "give it one protocol",
				"port %d is %s by a service, and %s by %s: the first counts", n, w.Ports[i].Protocol, p.Protocol, s.Host)
		}
	}
	slices.SortFunc(w.Ports, func(a, b model.WorkloadPort) int { return int(a.Number) - int(b.Number) })
}
