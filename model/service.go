package model

import (
	"slices"
	"sort"
	"strings"
)

// Protocol is what is spoken on a port.
type Protocol string

const (
	HTTP  Protocol = "HTTP"
	HTTP2 Protocol = "HTTP2"
	GRPC  Protocol = "GRPC"
	HTTPS Protocol = "HTTPS"
	TLS   Protocol = "TLS"
	TCP   Protocol = "TCP"
	// Auto is not declared: HTTP/1 and HTTP/2 are recognized by the first
	// bytes, all else is TCP.
	Auto Protocol = "AUTO"
)

// IsHTTP tells whether requests can be seen (and routed, and decided) one by one.
func (p Protocol) IsHTTP() bool { return p == HTTP || p == HTTP2 || p == GRPC }

// MayBeHTTP tells whether some connections carry requests that can be seen.
func (p Protocol) MayBeHTTP() bool { return p.IsHTTP() || p == Auto }

// IsHTTP2 tells whether the plain text protocol is HTTP/2.
func (p Protocol) IsHTTP2() bool { return p == HTTP2 || p == GRPC }

// IsTLS tells whether clients begin with a TLS handshake of their own.
func (p Protocol) IsTLS() bool { return p == HTTPS || p == TLS }

// Resolution is how a service's endpoints are found.
type Resolution string

const (
	ResolutionStatic Resolution = "STATIC" // the Endpoints input
	ResolutionDNS    Resolution = "DNS"    // Envoy resolves the endpoints' names, and uses all addresses
	// ResolutionDNSRoundRobin uses one address of the answer at a time
	// (Envoy's LOGICAL_DNS).
	ResolutionDNSRoundRobin Resolution = "DNS_ROUND_ROBIN"
	// ResolutionNone goes to where the caller meant: its original destination,
	// or, by an explicit proxy, the name that it asked for.
	ResolutionNone Resolution = "NONE"
	// ResolutionDynamicDNS resolves the name of each request or connection.
	ResolutionDynamicDNS Resolution = "DYNAMIC_DNS"
)

// Port is a port of a service.
type Port struct {
	Number     uint32   `json:"number"`
	Name       string   `json:"name"`
	Protocol   Protocol `json:"protocol"`
	TargetPort uint32   `json:"targetPort,omitempty"` // 0: the same
}

// ServiceKey identifies a service.
type ServiceKey struct {
	Host      string `json:"host"`
	Namespace string `json:"namespace"`
}

// Compare orders services by host and namespace.
func (k ServiceKey) Compare(o ServiceKey) int {
	if c := strings.Compare(k.Host, o.Host); c != 0 {
		return c
	}
	return strings.Compare(k.Namespace, o.Namespace)
}

// Service is something that can be called: a host with ports.
type Service struct {
	Object     Ref        `json:"object"`
	Host       string     `json:"host"` // fully qualified; may start with "*."
	Namespace  string     `json:"namespace"`
	Name       string     `json:"name,omitempty"`      // short name; empty for an external host
	Addresses  []string   `json:"addresses,omitempty"` // virtual addresses
	Ports      []Port     `json:"ports"`
	Resolution Resolution `json:"resolution"`
	External   bool       `json:"external,omitempty"`
	ExportTo   []string   `json:"exportTo,omitempty"` // empty: everyone; ".": its own namespace
	Headless   bool       `json:"headless,omitempty"` // Kubernetes' clusterIP: None
	// SubjectAltNames, one of which the endpoints' certificates must have.
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// AutoAddress stands in for a virtual address where none is declared: names
	// are looked up as it, and redirected connections are told apart by it. It
	// is of no network.
	AutoAddress string `json:"autoAddress,omitempty"`
	// LocalPorts maps a TCP port to the one a sidecar without redirect
	// listens on for it, on its workload's own address.
	LocalPorts map[uint32]uint32 `json:"localPorts,omitempty"`
	// Merged are further objects that the service is made of.
	Merged []Ref `json:"merged,omitempty"`
}

// VirtualAddresses are the addresses by which redirected connections mean the
// service, without ranges.
func (s *Service) VirtualAddresses() []string {
	if s.AutoAddress != "" {
		return []string{s.AutoAddress}
	}
	var out []string
	for _, a := range s.Addresses {
		if !strings.Contains(a, "/") {
			out = append(out, a)
		}
	}
	return out
}

// Key identifies the service.
func (s Service) Key() ServiceKey { return ServiceKey{s.Host, s.Namespace} }

// PortNumbered gives the port of that number.
func (s Service) PortNumbered(n uint32) (Port, bool) {
	for _, p := range s.Ports {
		if p.Number == n {
			return p, true
		}
	}
	return Port{}, false
}

// VisibleTo tells whether exportTo lets a namespace see the service.
func (s Service) VisibleTo(namespace string) bool {
	return Exported(s.ExportTo, s.Namespace, namespace)
}

// Exported applies an exportTo list (Istio's: ".", "*", namespaces, "~"; empty is "*").
func Exported(exportTo []string, from, to string) bool {
	for _, e := range exportTo {
		if e == "*" || e == to || (e == "." && from == to) {
			return true
		}
	}
	return len(exportTo) == 0
}

// Health of an endpoint.
type Health string

const (
	Healthy   Health = "HEALTHY"
	Unhealthy Health = "UNHEALTHY"
)

// Endpoint is one place where a service is served.
type Endpoint struct {
	Cluster        string            `json:"cluster,omitempty"`
	Network        string            `json:"network,omitempty"`
	Locality       string            `json:"locality,omitempty"` // region/zone/subzone
	Address        string            `json:"address"`            // an IP, "unix:///path", or a name where Resolution is DNS
	Ports          map[string]uint32 `json:"ports,omitempty"`    // by the service port's name; absent: target port, then number
	Labels         map[string]string `json:"labels,omitempty"`
	Workload       string            `json:"workload,omitempty"` // namespace/name
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	// MTLS: a proxy of the mesh stands before it and takes mutual TLS, but on
	// PlainPorts (of the endpoint).
	MTLS       bool     `json:"mtls,omitempty"`
	PlainPorts []uint32 `json:"plainPorts,omitempty"`
	Health     Health   `json:"health"`
	Weight     uint32   `json:"weight"` // at least 1
}

// PortFor is the number a service's port has at this endpoint.
func (e Endpoint) PortFor(p Port) uint32 {
	if n, ok := e.Ports[p.Name]; ok {
		return n
	}
	if p.TargetPort != 0 {
		return p.TargetPort
	}
	return p.Number
}

// ServiceEndpoints are the endpoints of one service.
type ServiceEndpoints struct {
	Service   ServiceKey `json:"service"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoints is translation's second input, sorted by service: it changes
// often and has a path of its own.
type Endpoints []*ServiceEndpoints

// Sort brings the list into its order.
func (e Endpoints) Sort() {
	slices.SortFunc(e, func(a, b *ServiceEndpoints) int { return a.Service.Compare(b.Service) })
}

// Of gives one service's endpoints.
func (e Endpoints) Of(k ServiceKey) []Endpoint {
	if s := e.Find(k); s != nil {
		return s.Endpoints
	}
	return nil
}

// Find gives one service's entry; nil: it has none.
func (e Endpoints) Find(k ServiceKey) *ServiceEndpoints {
	i, ok := sort.Find(len(e), func(i int) int { return k.Compare(e[i].Service) })
	if !ok {
		return nil
	}
	return e[i]
}
