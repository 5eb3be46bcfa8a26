package model

import (
	"encoding/json"
)

// Mesh holds the settings of the whole mesh.
type Mesh struct {
	Name          string `json:"name"`
	Domain        string `json:"domain"`        // "cluster.local"
	RootNamespace string `json:"rootNamespace"` // "istio-system"
	TrustDomain   string `json:"trustDomain"`
	// TrustDomainAliases are further names that the trust domain has in policies
	// and certificates, as after a migration.
	TrustDomainAliases []string `json:"trustDomainAliases,omitempty"`
	// NoAutoMTLS: calls are encrypted only where a destination says ISTIO_MUTUAL.
	NoAutoMTLS bool `json:"noAutoMTLS,omitempty"`
	// MinTLSVersion of mutual TLS within the mesh; empty: TLSV1_2.
	MinTLSVersion string `json:"minTLSVersion,omitempty"`
	// MTLSCipherSuites and MTLSCurves are its own; empty: a good choice.
	MTLSCipherSuites []string `json:"mtlsCipherSuites,omitempty"`
	MTLSCurves       []string `json:"mtlsCurves,omitempty"`
	Sampling         float64  `json:"sampling"`  // percent of requests traced
	AccessLog        bool     `json:"accessLog"` // every proxy sends records of all requests to the collector
	// Denials say how a refused request is told which policy refused it.
	Denials Denials `json:"denials,omitzero"`
	// Lowering bounds what RegoPolicies' rules take of a proxy.
	Lowering LoweredBudget `json:"lowering,omitzero"`
	// Outbound is what becomes of calls to hosts that nobody declared.
	Outbound OutboundMode `json:"outbound"`
	Retries  Retries      `json:"retries"` // the default of routes without their own
	// NormalizePath applies Envoy's normalize_path and merge_slashes before
	// routing and before any policy.
	NormalizePath bool `json:"normalizePath"`
	KeepSlashes   bool `json:"keepSlashes,omitempty"`   // no merge_slashes (Istio's BASE)
	DecodeSlashes bool `json:"decodeSlashes,omitempty"` // %2F and %5C become / (DECODE_AND_MERGE_SLASHES)
	// The defaults of destinations that do not say.
	ConnectTimeout *Duration     `json:"connectTimeout,omitempty"` // absent: 10 s
	TCPKeepalive   *TCPKeepalive `json:"tcpKeepalive,omitempty"`
	LocalityLB     *LocalityLB   `json:"localityLB,omitempty"` // absent: on, without settings
	UpgradeToHTTP2 bool          `json:"upgradeToHTTP2,omitempty"`
	// DetectionTimeout bounds the wait for the first bytes of an Auto port;
	// absent: 5 s; 0: none.
	DetectionTimeout *Duration `json:"detectionTimeout,omitempty"`
	// The default exportTo of objects that do not say.
	ServiceExportTo     []string   `json:"serviceExportTo,omitempty"`
	RouteExportTo       []string   `json:"routeExportTo,omitempty"`
	DestinationExportTo []string   `json:"destinationExportTo,omitempty"`
	Providers           []Provider `json:"providers,omitempty"` // Istio's extensionProviders
	// Modules is what is asked of Wasm modules; nil: nothing more than that
	// they come over TLS from the Internet, or from files.
	Modules *ModulePolicy `json:"modules,omitempty"`
	// Fetch is what may be fetched else, such as key sets; nil: what comes over
	// TLS from the Internet.
	Fetch *FetchPolicy `json:"fetch,omitempty"`
	// Drain is how long a proxy that ends waits for its connections; absent: 5 s.
	Drain   *Duration `json:"drain,omitempty"`
	Network string    `json:"network,omitempty"` // CIDR in 127.0.0.0/8 of the workloads' addresses
}

// Provider is one of Istio's extensionProviders, for policies and telemetry
// to name.
type Provider struct {
	Name   string          `json:"name"`
	Kind   string          `json:"kind"`   // the provider's field: "envoyExtAuthzGrpc", "opentelemetry", …
	Config json.RawMessage `json:"config"` // of that field
	// ExtAuthz is the same, of one that CUSTOM policies may name.
	ExtAuthz *ExtAuthz `json:"extAuthz,omitempty"`
}

// Snapshot is the whole declared mesh, resolved and valid, and immutable.
// Every list is sorted by object, so equal configurations are equal values.
// What did not change from one snapshot to the next is shared between them:
// the same pointer is the same content.
type Snapshot struct {
	// Version is the hash of Branches: equal versions are equal content.
	Version string `json:"version"`
	// Branches holds the hash of each list, made of the hashes of its items:
	// one edit re-hashes one item.
	Branches map[string]string `json:"branches"`
	Mesh     Mesh              `json:"mesh"`
	// Origins says where each object was declared, by Ref.String(). It is no
	// part of the version: moving a line changes nothing.
	Origins      map[string]Origin    `json:"origins,omitempty"`
	Workloads    []Workload           `json:"workloads,omitempty"`
	Services     []*Service           `json:"services,omitempty"`
	Gateways     []*Gateway           `json:"gateways,omitempty"`
	Routes       []*RouteTable        `json:"routes,omitempty"` // by creation, then by object: the order in which those of one gateway host are joined
	Destinations []*DestinationPolicy `json:"destinations,omitempty"`
	Sidecars     []*Sidecar           `json:"sidecars,omitempty"`
	Patches      []*EnvoyPatch        `json:"patches,omitempty"` // by priority, then as Istio orders them
	Secrets      []*Secret            `json:"secrets,omitempty"`
	// SecretValues are those that filters name, by namespace, name and key.
	SecretValues []*SecretValue `json:"secretValues,omitempty"`
	// PeerAuthentications are sorted by age.
	PeerAuthentications    []*PeerAuthentication    `json:"peerAuthentications,omitempty"`
	RequestAuthentications []*RequestAuthentication `json:"requestAuthentications,omitempty"`
	Groups                 []*WorkloadGroup         `json:"groups,omitempty"`
	Authorization          []*AuthorizationPolicy   `json:"authorization,omitempty"`
	Rego                   []*RegoPolicy            `json:"rego,omitempty"`
	AccessLists            []*AccessList            `json:"accessLists,omitempty"`
	Limits                 []*Limit                 `json:"limits,omitempty"`
	Filters                []*FilterBinding         `json:"filters,omitempty"`
	Attributes             []*AttributeSet          `json:"attributes,omitempty"`
	Telemetry              []*TelemetryRule         `json:"telemetry,omitempty"`
	Backends               []*TelemetryBackend      `json:"backends,omitempty"`
	Placements             []Placement              `json:"placements,omitempty"`

	index *index          // made by Seal
	sums  map[string]sums // the hash tree, made by Seal
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
