package model

import "slices"

// Sidecar bounds what the proxies that it selects know of the mesh, and how
// they listen. One without labels is its namespace's; one of the root
// namespace without labels is the mesh's.
type Sidecar struct {
	Object   Ref       `json:"object"`
	Selector *Selector `json:"selector,omitempty"` // nil: the whole namespace
	// Egress are the listeners for calls; none: one that sees everything.
	Egress  []SidecarEgress  `json:"egress,omitempty"`
	Ingress []SidecarIngress `json:"ingress,omitempty"` // none: the workload's own ports
	// InboundPool bounds connections to the application.
	InboundPool *ConnectionPool `json:"inboundPool,omitempty"`
	// Outbound is nil where the mesh's setting holds.
	Outbound *OutboundPolicy `json:"outbound,omitempty"`
}

// SidecarEgress is one listener for calls, and what it sees.
type SidecarEgress struct {
	Hosts []HostScope `json:"hosts"`
	Port  *Port       `json:"port,omitempty"` // nil: every port of the services that no other listener has
	Bind  string      `json:"bind,omitempty"` // an IP, or "unix:///path"
	// CaptureMode is Istio's: "DEFAULT", "IPTABLES" or "NONE".
	CaptureMode string `json:"captureMode,omitempty"`
}

// HostScope is one "namespace/host" of a Sidecar.
type HostScope struct {
	Namespace string `json:"namespace"`         // "*" is any; "." the workload's own, in the mesh's Sidecar
	Host      string `json:"host"`              // "*" is any; "*.suffix" and full names
	Exclude   bool   `json:"exclude,omitempty"` // what another one lets in stays out
}

// SidecarIngress is one listener for the application.
type SidecarIngress struct {
	Port        Port            `json:"port"`
	Bind        string          `json:"bind,omitempty"`
	CaptureMode string          `json:"captureMode,omitempty"`
	Endpoint    string          `json:"endpoint,omitempty"` // "127.0.0.1:PORT", "0.0.0.0:PORT" or "unix:///path"; empty: the port itself
	TLS         *ServerTLS      `json:"tls,omitempty"`
	Pool        *ConnectionPool `json:"pool,omitempty"`
}

// OutboundMode is what becomes of calls to hosts that nobody declared.
type OutboundMode string

const (
	RegistryOnly       OutboundMode = "REGISTRY_ONLY"
	AllowAny           OutboundMode = "ALLOW_ANY"
	AllowAnyDynamicDNS OutboundMode = "ALLOW_ANY_DYNAMIC_DNS"
)

// OutboundPolicy is an OutboundMode with, maybe, a proxy that such calls take.
type OutboundPolicy struct {
	Mode   OutboundMode `json:"mode"`
	Egress *Destination `json:"egress,omitempty"`
}

// SidecarFor is the Sidecar that a workload obeys: the first of the list that
// selects it by labels, else its namespace's, else the mesh's; nil: none.
func (s *Snapshot) SidecarFor(w Workload) *Sidecar {
	var own, mesh *Sidecar
	for _, c := range s.Sidecars {
		switch {
		case c.Object.Namespace == w.Namespace && c.Selector != nil:
			if HasLabels(w.Labels, c.Selector.Labels) {
				return c
			}
		case c.Selector != nil:
		case c.Object.Namespace == s.Mesh.RootNamespace && mesh == nil:
			mesh = c
		case c.Object.Namespace == w.Namespace && own == nil:
			own = c
		}
	}
	if own != nil || mesh == nil {
		return own
	}
	return s.lookup().meshSidecar(mesh, w.Namespace)
}

// meshSidecar is the mesh's Sidecar for a namespace's workloads.
func (x *index) meshSidecar(mesh *Sidecar, namespace string) *Sidecar {
	if own := x.sidecars[namespace]; own != nil {
		return own
	}
	return mesh.Within(namespace)
}

// sidecarsAfter is the mesh's Sidecar in each namespace of workloads. One that
// an earlier snapshot has is the same.
func sidecarsAfter(s, p *Snapshot) map[string]*Sidecar {
	mesh, out := s.meshDefault(), map[string]*Sidecar{}
	if mesh == nil {
		return out
	}
	same := p.index != nil && p.meshDefault() == mesh
	for _, w := range s.Workloads {
		switch {
		case out[w.Namespace] != nil:
		case same && p.index.sidecars[w.Namespace] != nil:
			out[w.Namespace] = p.index.sidecars[w.Namespace]
		default:
			out[w.Namespace] = mesh.Within(w.Namespace)
		}
	}
	return out
}

func (s *Snapshot) meshDefault() *Sidecar {
	for _, c := range s.Sidecars {
		if c.Selector == nil && c.Object.Namespace == s.Mesh.RootNamespace {
			return c
		}
	}
	return nil
}

// Within is the Sidecar with "." said in full.
func (c *Sidecar) Within(namespace string) *Sidecar {
	out := *c
	out.Egress = slices.Clone(c.Egress)
	for i := range out.Egress {
		hosts := slices.Clone(out.Egress[i].Hosts)
		for j := range hosts {
			if hosts[j].Namespace == "." {
				hosts[j].Namespace = namespace
			}
		}
		out.Egress[i].Hosts = hosts
	}
	return &out
}
