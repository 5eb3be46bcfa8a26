package snapshot

import (
	"slices"
	"sort"

	"github.com/krater-mesh/krater/model"
)

// mutualEndpoints remembers how endpoints were found to take calls: what was
// asked before is not asked again, and stays the same pointer.
type mutualEndpoints struct {
	workloads any // what it rests on, beside the PeerAuthentications
	mesh      *model.Mesh
	of        map[mutualKey]*model.ServiceEndpoints
}

type mutualKey struct {
	service   *model.Service
	endpoints *model.ServiceEndpoints
}

// serve tells of each endpoint whether it takes mutual TLS, and on which ports
// it does not: as the PeerAuthentications of its workload say.
func (d *draft) serve() {
	now := &mutualEndpoints{workloads: listID(d.snap.Workloads), mesh: d.settings,
		of: make(map[mutualKey]*model.ServiceEndpoints, len(d.sorted))}
	var before map[mutualKey]*model.ServiceEndpoints
	if p := d.opts.Previous; p != nil && p.mutual != nil && d.peersAsBefore(p) && p.mutual.workloads == now.workloads && p.mutual.mesh == now.mesh {
		before = p.mutual.of
	}
	find := d.peerFinder()
	d.served = make(model.Endpoints, 0, len(d.sorted))
	for _, list := range d.sorted {
		key := mutualKey{d.serviceOf(list.Service), list}
		out, known := before[key]
		if !known {
			out = withMTLS(key.service, list, find)
		}
		now.of[key] = out
		d.served = append(d.served, out)
	}
	d.mutual = now
}

// peersAsBefore compares the objects: their list is shared only later.
func (d *draft) peersAsBefore(p *Result) bool {
	return slices.Equal(d.snap.PeerAuthentications, p.Snapshot.PeerAuthentications)
}

// keep remembers what was shared with the build before.
func (m *mutualEndpoints) keep(d *draft) {
	for i, list := range d.sorted {
		m.of[mutualKey{d.serviceOf(list.Service), list}] = d.served[i]
	}
}

// serviceOf finds a service of the sorted list.
func (d *draft) serviceOf(k model.ServiceKey) *model.Service {
	i, ok := sort.Find(len(d.snap.Services), func(i int) int { return k.Compare(d.snap.Services[i].Key()) })
	if !ok {
		return nil
	}
	return d.snap.Services[i]
}

// peerFinder gives what stands behind an endpoint; ok is false where no proxy
// of the mesh does, or a gateway, which has servers of its own.
func (d *draft) peerFinder() func(namespace string, e model.Endpoint) (m model.MTLS, ok bool) {
	workloads := make(map[string]*model.Workload, len(d.snap.Workloads))
	for i := range d.snap.Workloads {
		workloads[d.snap.Workloads[i].ID()] = &d.snap.Workloads[i]
	}
	asked := map[string]model.MTLS{}
	return func(namespace string, e model.Endpoint) (model.MTLS, bool) {
		w := workloads[e.Workload]
		switch {
		case w != nil && w.Gateway:
			return model.MTLS{}, false
		case w == nil && e.Labels["security.istio.io/tlsMode"] == "istio":
			return d.snap.MTLS(model.Workload{Namespace: namespace, Labels: e.Labels}), true
		case w == nil:
			return model.MTLS{}, false
		}
		m, known := asked[w.ID()]
		if !known {
			m = d.snap.MTLS(*w)
			asked[w.ID()] = m
		}
		return m, true
	}
}

// withMTLS is the list itself where nothing in it takes mutual TLS.
func withMTLS(s *model.Service, list *model.ServiceEndpoints, find func(string, model.Endpoint) (model.MTLS, bool)) *model.ServiceEndpoints {
	if s == nil {
		return list
	}
	out := list
	for i, e := range list.Endpoints {
		m, ok := find(list.Service.Namespace, e)
		if !ok {
			continue
		}
		var plain []uint32
		mutual := false
		for _, p := range s.Ports {
			n := e.PortFor(p)
			if m.Port(n) != model.MTLSDisable {
				mutual = true
			} else if !slices.Contains(plain, n) {
				plain = append(plain, n)
			}
		}
		if !mutual {
			continue
		}
		if out == list {
			out = &model.ServiceEndpoints{Service: list.Service, Endpoints: slices.Clone(list.Endpoints)}
		}
		slices.Sort(plain)
		out.Endpoints[i].MTLS, out.Endpoints[i].PlainPorts = true, plain
	}
	return out
}
