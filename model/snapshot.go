package model

import "sort"

// Mesh holds the settings of the whole mesh.
type Mesh struct {
	Name          string  `json:"name"`
	Domain        string  `json:"domain"`        // "cluster.local"
	RootNamespace string  `json:"rootNamespace"` // "istio-system"
	TrustDomain   string  `json:"trustDomain"`
	Sampling      float64 `json:"sampling"`  // percent of requests traced
	AccessLog     bool    `json:"accessLog"` // every proxy sends records of all requests to the collector
	// OutboundAny lets calls to unknown hosts through (ALLOW_ANY).
	OutboundAny bool    `json:"outboundAny"`
	Retries     Retries `json:"retries"` // the default of routes without their own
	// NormalizePath applies Envoy's normalize_path and merge_slashes before
	// routing and before any policy.
	NormalizePath bool   `json:"normalizePath"`
	Network       string `json:"network,omitempty"` // CIDR in 127.0.0.0/8 of the workloads' addresses
}

// Snapshot is the whole declared mesh, resolved and valid, and immutable.
// Every list is sorted by object, so equal configurations are equal values.
type Snapshot struct {
	// Version is the hash of Branches: equal versions are equal content.
	Version string `json:"version"`
	// Branches holds the hash of each list, so one edit re-hashes one branch.
	Branches map[string]string `json:"branches"`
	Mesh     Mesh              `json:"mesh"`
	// Origins says where each object was declared, by Ref.String(). It is no
	// part of the version: moving a line changes nothing.
	Origins       map[string]Origin     `json:"origins,omitempty"`
	Workloads     []Workload            `json:"workloads,omitempty"`
	Services      []Service             `json:"services,omitempty"`
	Gateways      []Gateway             `json:"gateways,omitempty"`
	Routes        []RouteTable          `json:"routes,omitempty"`
	Destinations  []DestinationPolicy   `json:"destinations,omitempty"`
	Authorization []AuthorizationPolicy `json:"authorization,omitempty"`
	Rego          []RegoPolicy          `json:"rego,omitempty"`
	Limits        []Limit               `json:"limits,omitempty"`
	Filters       []FilterBinding       `json:"filters,omitempty"`
	Attributes    []AttributeSet        `json:"attributes,omitempty"`
	Telemetry     []TelemetryRule       `json:"telemetry,omitempty"`
	Backends      []TelemetryBackend    `json:"backends,omitempty"`
	Placements    []Placement           `json:"placements,omitempty"`
}

// Seal computes Branches and Version.
func (s *Snapshot) Seal() {
	s.Branches = map[string]string{
		"mesh": Hash(s.Mesh), "workloads": Hash(s.Workloads), "services": Hash(s.Services),
		"gateways": Hash(s.Gateways), "routes": Hash(s.Routes), "destinations": Hash(s.Destinations),
		"authorization": Hash(s.Authorization), "rego": Hash(s.Rego), "limits": Hash(s.Limits),
		"filters": Hash(s.Filters), "attributes": Hash(s.Attributes), "telemetry": Hash(s.Telemetry),
		"backends": Hash(s.Backends), "placements": Hash(s.Placements),
	}
	s.Version = Hash(s.Branches)
}

// Workload finds a workload by "namespace/name", or by a name that only one has.
func (s *Snapshot) Workload(name string) (Workload, bool) {
	var found []Workload
	for _, w := range s.Workloads {
		if w.ID() == name {
			return w, true
		}
		if w.Name == name {
			found = append(found, w)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return Workload{}, false
}

// Service finds the service of a host that a namespace sees: its own first,
// then by namespace name.
func (s *Snapshot) Service(host, from string) (Service, bool) {
	var found []Service
	for _, svc := range s.Services {
		if svc.Host == host && svc.VisibleTo(from) {
			found = append(found, svc)
		}
	}
	if len(found) == 0 {
		return Service{}, false
	}
	sort.SliceStable(found, func(i, j int) bool {
		if a, b := found[i].Namespace == from, found[j].Namespace == from; a != b {
			return a
		}
		return found[i].Namespace < found[j].Namespace
	})
	return found[0], true
}

// DestinationFor finds the policy for a host as one namespace sees it: the
// client's own, then the service's, then the root namespace's; an exact host
// before a wildcard.
func (s *Snapshot) DestinationFor(svc Service, client string) (DestinationPolicy, bool) {
	for _, ns := range []string{client, svc.Namespace, s.Mesh.RootNamespace} {
		best, found := DestinationPolicy{}, false
		for _, d := range s.Destinations {
			if d.Object.Namespace != ns || !Exported(d.ExportTo, ns, client) || !HostMatches(d.Host, svc.Host) {
				continue
			}
			if !found || len(d.Host) > len(best.Host) || d.Host == svc.Host {
				best, found = d, true
			}
		}
		if found {
			return best, true
		}
	}
	return DestinationPolicy{}, false
}

// HostMatches tells whether a pattern ("*", "*.suffix" or a host) covers a host.
func HostMatches(pattern, host string) bool {
	if pattern == host || pattern == "*" {
		return true
	}
	if len(pattern) > 1 && pattern[0] == '*' {
		return len(host) >= len(pattern) && host[len(host)-len(pattern)+1:] == pattern[1:]
	}
	return false
}

// Origin is where an object was declared.
func (s *Snapshot) Origin(r Ref) Origin { return s.Origins[r.String()] }
