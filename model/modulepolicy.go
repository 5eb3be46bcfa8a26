package model

// ModulePolicy is what the mesh asks of Wasm modules, wherever an object takes
// them from.
type ModulePolicy struct {
	Signatures []SignatureRule `json:"signatures,omitempty"`
	Hosts      []FetchHost     `json:"hosts,omitempty"`
	// OnlyHosts: modules come over the network from Hosts, and from nowhere else.
	OnlyHosts bool  `json:"onlyHosts,omitempty"`
	MaxBytes  int64 `json:"maxBytes,omitempty"` // of a module; 0: 64 MiB
	// PullInterval is between two looks at a URL whose content may change;
	// 0: 5 min.
	PullInterval Duration `json:"pullInterval,omitempty"`
}

// SignatureRule says who must have signed the modules of some URLs. Of several
// rules the one with the longest URL counts.
type SignatureRule struct {
	// URL is the beginning of a module's: whole parts of its path. "oci://" and
	// the like are all of a scheme, "" is all.
	URL      string   `json:"url,omitempty"`
	Keys     []string `json:"keys,omitempty"` // PEM public keys: one of them
	Unsigned bool     `json:"unsigned,omitempty"`
}

// Fetch is where modules may come from over the network.
func (p *ModulePolicy) Fetch() *FetchPolicy {
	if p == nil {
		return nil
	}
	return &FetchPolicy{Hosts: p.Hosts, OnlyHosts: p.OnlyHosts}
}
