package model

import "slices"

// Seal computes Branches and Version, and makes lookups fast. Nothing may
// change afterwards.
func (s *Snapshot) Seal() { s.SealAfter(nil) }

// SealAfter is Seal for a snapshot that shares what did not change with an
// earlier sealed one: only the rest is hashed. nil: there is none.
func (s *Snapshot) SealAfter(p *Snapshot) {
	if p == nil {
		p = &Snapshot{}
	}
	k := p.sums
	s.sums = map[string]sums{
		"mesh": sumMesh(&s.Mesh, &p.Mesh, k["mesh"]), "workloads": sumValues(s.Workloads, p.Workloads, k["workloads"]),
		"services": sumList(s.Services, p.Services, k["services"]), "gateways": sumList(s.Gateways, p.Gateways, k["gateways"]),
		"routes": sumList(s.Routes, p.Routes, k["routes"]), "destinations": sumList(s.Destinations, p.Destinations, k["destinations"]),
		"sidecars": sumList(s.Sidecars, p.Sidecars, k["sidecars"]), "patches": sumList(s.Patches, p.Patches, k["patches"]),
		"secrets": sumList(s.Secrets, p.Secrets, k["secrets"]), "authorization": sumList(s.Authorization, p.Authorization, k["authorization"]),
		"peerAuthentications":    sumList(s.PeerAuthentications, p.PeerAuthentications, k["peerAuthentications"]),
		"requestAuthentications": sumList(s.RequestAuthentications, p.RequestAuthentications, k["requestAuthentications"]),
		"groups":                 sumList(s.Groups, p.Groups, k["groups"]),
		"rego":                   sumList(s.Rego, p.Rego, k["rego"]), "limits": sumList(s.Limits, p.Limits, k["limits"]),
		"filters": sumList(s.Filters, p.Filters, k["filters"]), "attributes": sumList(s.Attributes, p.Attributes, k["attributes"]),
		"accessLists": sumList(s.AccessLists, p.AccessLists, k["accessLists"]),
		"telemetry":   sumList(s.Telemetry, p.Telemetry, k["telemetry"]), "backends": sumList(s.Backends, p.Backends, k["backends"]),
		"secretValues": sumList(s.SecretValues, p.SecretValues, k["secretValues"]),
		"placements":   sumValues(s.Placements, p.Placements, k["placements"]),
	}
	s.Branches = map[string]string{}
	for name, sum := range s.sums {
		s.Branches[name] = sum.whole
	}
	s.Version = Hash(s.Branches)
	s.index = indexAfter(s, p)
}

// index finds by name what the lists hold.
type index struct {
	services     map[string][]*Service // by host, by namespace
	destinations map[destinationKey][]*DestinationPolicy
	wildcards    map[string][]*DestinationPolicy // by namespace
	secrets      map[string]*Secret              // by "namespace/name"
	sidecars     map[string]*Sidecar             // the mesh's, by the workload's namespace
}

type destinationKey struct{ namespace, host string }

func newIndex(s *Snapshot) *index { return indexAfter(s, &Snapshot{}) }

// indexAfter takes over what is the same in an earlier snapshot.
func indexAfter(s, p *Snapshot) *index {
	x := &index{sidecars: sidecarsAfter(s, p)}
	if p.index != nil && slices.Equal(s.Services, p.Services) {
		x.services = p.index.services
	} else {
		x.services = servicesByHost(s.Services)
	}
	if p.index != nil && slices.Equal(s.Destinations, p.Destinations) {
		x.destinations, x.wildcards = p.index.destinations, p.index.wildcards
	} else {
		x.addDestinations(s.Destinations)
	}
	x.secrets = map[string]*Secret{}
	for _, sec := range s.Secrets {
		x.secrets[sec.Object.Key()] = sec
	}
	return x
}

func servicesByHost(services []*Service) map[string][]*Service {
	out := make(map[string][]*Service, len(services))
	for _, svc := range services {
		out[svc.Host] = append(out[svc.Host], svc)
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b *Service) int { return a.Key().Compare(b.Key()) })
	}
	return out
}

func (x *index) addDestinations(destinations []*DestinationPolicy) {
	x.destinations, x.wildcards = make(map[destinationKey][]*DestinationPolicy, len(destinations)), map[string][]*DestinationPolicy{}
	for _, d := range destinations {
		if d.Host != "" && d.Host[0] == '*' {
			x.wildcards[d.Object.Namespace] = append(x.wildcards[d.Object.Namespace], d)
			continue
		}
		k := destinationKey{d.Object.Namespace, d.Host}
		x.destinations[k] = append(x.destinations[k], d)
	}
}

// lookup is the index; one is made for each question to a snapshot that is
// not sealed.
func (s *Snapshot) lookup() *index {
	if s.index == nil {
		return newIndex(s)
	}
	return s.index
}

// Service finds the service of a host that a namespace sees: its own first,
// then by namespace name. nil: there is none.
func (s *Snapshot) Service(host, from string) *Service {
	var found *Service
	for _, svc := range s.lookup().services[host] {
		if svc.VisibleTo(from) && (found == nil || svc.Namespace == from) {
			found = svc
		}
	}
	return found
}

// Secret finds a secret; nil: there is none.
func (s *Snapshot) Secret(namespace, name string) *Secret {
	return s.lookup().secrets[Ref{Namespace: namespace, Name: name}.Key()]
}

// DestinationFor finds the policy that a client's calls to a service obey: the
// client's namespace, then the service's, then the root namespace's; an exact
// host before a wildcard, and a longer wildcard before a shorter one; in one
// namespace and for one host, one that selects the client by its labels before
// one for all. nil: there is none.
func (s *Snapshot) DestinationFor(svc *Service, client Workload) *DestinationPolicy {
	x := s.lookup()
	for _, ns := range []string{client.Namespace, svc.Namespace, s.Mesh.RootNamespace} {
		if d := narrowest(x.destinations[destinationKey{ns, svc.Host}], ns, client); d != nil {
			return d
		}
		var best []*DestinationPolicy
		for _, d := range x.wildcards[ns] {
			switch {
			case !HostMatches(d.Host, svc.Host):
			case len(best) == 0 || len(d.Host) == len(best[0].Host):
				best = append(best, d)
			case len(d.Host) > len(best[0].Host):
				best = []*DestinationPolicy{d}
			}
		}
		if d := narrowest(best, ns, client); d != nil {
			return d
		}
	}
	return nil
}

// narrowest chooses among policies of a namespace for one host.
func narrowest(list []*DestinationPolicy, ns string, client Workload) *DestinationPolicy {
	var found *DestinationPolicy
	for _, d := range list {
		switch {
		case !Exported(d.ExportTo, ns, client.Namespace):
		case d.Selector == nil && found == nil:
			found = d
		case d.Selector != nil && ns == client.Namespace && HasLabels(client.Labels, d.Selector.Labels):
			return d
		}
	}
	return found
}
