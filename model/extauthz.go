package model

// ExtAuthz is a provider that CUSTOM policies have asked: a server of Envoy's
// ext_authz, by gRPC or by HTTP.
type ExtAuthz struct {
	Namespace     string   `json:"namespace,omitempty"` // of the service; "": any
	Host          string   `json:"host"`
	Port          uint32   `json:"port"`
	HTTP          bool     `json:"http,omitempty"` // else gRPC
	Timeout       Duration `json:"timeout"`
	FailOpen      bool     `json:"failOpen,omitempty"`
	StatusOnError uint32   `json:"statusOnError,omitempty"` // 0: 403
	// ClearRouteCache has the route chosen anew, by what the provider changed.
	ClearRouteCache bool `json:"clearRouteCache,omitempty"`
	// Body is how much of the request's body is sent; nil: none.
	Body *CheckedBody `json:"body,omitempty"`
	// These are of HTTP providers only. Names are in lower case.
	PathPrefix      string        `json:"pathPrefix,omitempty"`
	Headers         []StringMatch `json:"headers,omitempty"` // of the request that are sent
	Added           []HeaderText  `json:"added,omitempty"`   // sent beside them, sorted
	ToUpstream      []StringMatch `json:"toUpstream,omitempty"`
	ToClientOnDeny  []StringMatch `json:"toClientOnDeny,omitempty"`
	ToClientOnAllow []StringMatch `json:"toClientOnAllow,omitempty"`
}

// CheckedBody is a request's body as a provider gets it.
type CheckedBody struct {
	MaxBytes uint32 `json:"maxBytes"`
	Partial  bool   `json:"partial,omitempty"` // a longer one is cut; else it is refused with 413
	AsBytes  bool   `json:"asBytes,omitempty"`
}

// ExtAuthzOf finds the provider of a name; nil: none is one.
func (m Mesh) ExtAuthzOf(name string) *ExtAuthz {
	for _, p := range m.Providers {
		if p.Name == name {
			return p.ExtAuthz
		}
	}
	return nil
}
