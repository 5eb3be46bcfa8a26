package model

import "slices"

// Seal computes Branches and Version, and makes lookups fast. Nothing may
// change afterwards.
func (s *Snapshot) Seal() {
	s.Branches = map[string]string{
		"mesh": Hash(s.Mesh), "workloads": Hash(s.Workloads), "services": Hash(s.Services),
		"gateways": Hash(s.Gateways), "routes": Hash(s.Routes), "destinations": Hash(s.Destinations),
		"sidecars": Hash(s.Sidecars), "patches": Hash(s.Patches), "secrets": Hash(s.Secrets),
		"authorization": Hash(s.Authorization), "rego": Hash(s.Rego), "limits": Hash(s.Limits),
		"filters": Hash(s.Filters), "attributes": Hash(s.Attributes), "telemetry": Hash(s.Telemetry),
		"backends": Hash(s.Backends), "placements": Hash(s.Placements),
	}
	s.Version = Hash(s.Branches)
	s.index = newIndex(s)
}

// index finds by name what the lists hold.
type index struct {
	services     map[string][]*Service // by host, by namespace
	destinations map[destinationKey][]*DestinationPolicy
	wildcards    map[string][]*DestinationPolicy // by namespace
	secrets      map[string]*Secret              // by "namespace/name"
}

type destinationKey struct{ namespace, host string }

func newIndex(s *Snapshot) *index {
	x := &index{services: map[string][]*Service{}, destinations: map[destinationKey][]*DestinationPolicy{},
		wildcards: map[string][]*DestinationPolicy{}, secrets: map[string]*Secret{}}
	for _, svc := range s.Services {
		x.services[svc.Host] = append(x.services[svc.Host], svc)
	}
	for _, list := range x.services {
		slices.SortStableFunc(list, func(a, b *Service) int { return a.Key().compare(b.Key()) })
	}
	for _, d := range s.Destinations {
		if d.Host != "" && d.Host[0] == '*' {
			x.wildcards[d.Object.Namespace] = append(x.wildcards[d.Object.Namespace], d)
			continue
		}
		k := destinationKey{d.Object.Namespace, d.Host}
		x.destinations[k] = append(x.destinations[k], d)
	}
	for _, sec := range s.Secrets {
		x.secrets[sec.Object.Key()] = sec
	}
	return x
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
