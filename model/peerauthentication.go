package model

// MTLSMode is what an inbound port accepts.
type MTLSMode string

const (
	MTLSDisable    MTLSMode = "DISABLE"    // plain text
	MTLSPermissive MTLSMode = "PERMISSIVE" // plain text, and mutual TLS of the mesh
	MTLSStrict     MTLSMode = "STRICT"     // mutual TLS of the mesh only
)

// PeerAuthentication is Istio's, resolved.
type PeerAuthentication struct {
	Object   Ref       `json:"object"`
	Selector *Selector `json:"selector,omitempty"` // nil: its namespace, or the mesh
	Mode     MTLSMode  `json:"mode,omitempty"`     // empty: as what is above it says
	// Ports are the workload's, by the number that callers connect to.
	Ports map[uint32]MTLSMode `json:"ports,omitempty"`
	// Substitute: it stands in for an object that is bad and has no last good
	// version. It comes before others of its kind.
	Substitute bool `json:"substitute,omitempty"`
}

// MTLS is what a workload's inbound ports accept.
type MTLS struct {
	Mode  MTLSMode
	Ports map[uint32]MTLSMode // those that differ
}

// Port is what one port accepts.
func (m MTLS) Port(number uint32) MTLSMode {
	if mode, ok := m.Ports[number]; ok {
		return mode
	}
	return m.Mode
}

// MTLS is what a workload accepts, by Istio's precedence: its own policy, else
// its namespace's, else the mesh's, else PERMISSIVE. Of several of a kind the
// first in the list counts: it is sorted by age, substitutes first.
func (s *Snapshot) MTLS(w Workload) MTLS {
	mesh := s.peerAuthentication(s.Mesh.RootNamespace, nil)
	namespace := s.peerAuthentication(w.Namespace, nil)
	own := s.peerAuthentication(w.Namespace, &w)
	out := MTLS{Mode: MTLSPermissive}
	for _, p := range []*PeerAuthentication{mesh, namespace, own} {
		if p != nil && p.Mode != "" {
			out.Mode = p.Mode
		}
	}
	if own != nil {
		out.Ports = own.Ports
	}
	return out
}

// peerAuthentication is the first of a namespace that selects a workload; nil:
// that selects none, and so is for all.
func (s *Snapshot) peerAuthentication(namespace string, w *Workload) *PeerAuthentication {
	for _, p := range s.PeerAuthentications {
		switch {
		case p.Object.Namespace != namespace:
		case w == nil && p.Selector == nil, w != nil && p.Selector != nil && HasLabels(w.Labels, p.Selector.Labels):
			return p
		}
	}
	return nil
}
