package model

import (
	"net/netip"
	"slices"
)

// NameTable are the names that a workload may look up, and what it finds.
type NameTable struct {
	Services []NamedService `json:"services,omitempty"`
}

// NamedService is a service's names, all forms of them that the workload's
// namespace may use, and its addresses. A name may start with "*.".
type NamedService struct {
	Names     []string `json:"names"`
	Addresses []string `json:"addresses"`
}

// NamesIn are the names by which a namespace may call a service: all forms of
// them.
func (s *Service) NamesIn(namespace string) []string {
	out := []string{s.Host}
	if s.Name != "" {
		out = append(out, s.Name+"."+s.Namespace+".svc", s.Name+"."+s.Namespace)
		if s.Namespace == namespace {
			out = append(out, s.Name)
		}
	}
	return out
}

// NameTable gives a workload's. A service without an address of any kind is
// none of it: whoever knows its name elsewhere answers.
func (s *Snapshot) NameTable(w Workload, eps Endpoints) NameTable {
	var out NameTable
	for _, known := range s.ScopeOf(w).Services {
		if known.Inner {
			continue
		}
		addresses := known.VirtualAddresses()
		if known.Headless {
			addresses = servedAt(eps.Of(known.Key()))
		}
		if len(addresses) > 0 {
			out.Services = append(out.Services, NamedService{Names: known.NamesIn(w.Namespace), Addresses: addresses})
		}
	}
	return out
}

// servedAt are the addresses of endpoints that are well, or of all where none is.
func servedAt(list []Endpoint) []string {
	var well, all []string
	for _, e := range list {
		a, err := netip.ParseAddr(e.Address)
		if err != nil {
			continue
		}
		all = append(all, a.String())
		if e.Health != Unhealthy {
			well = append(well, a.String())
		}
	}
	if len(well) == 0 {
		well = all
	}
	slices.Sort(well)
	return slices.Compact(well)
}
