package model

import "encoding/json"

// EnvoyPatch is one patch of an EnvoyFilter: a change to what translation
// made, at an anchor that docs/compatibility.md names.
type EnvoyPatch struct {
	Object    Ref             `json:"object"`
	Index     int             `json:"index"` // of spec.configPatches
	Selector  Selector        `json:"selector"`
	Priority  int32           `json:"priority,omitempty"` // lower first
	ApplyTo   string          `json:"applyTo"`            // "CLUSTER", "HTTP_FILTER", …
	Operation string          `json:"operation"`          // "MERGE", "INSERT_BEFORE", "REMOVE", …
	Match     PatchMatch      `json:"match,omitzero"`
	Value     json.RawMessage `json:"value,omitempty"` // the Envoy message, as JSON
}

// PatchMatch says where a patch applies; empty parts match everything.
type PatchMatch struct {
	Context string            `json:"context,omitempty"` // "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"; empty: ANY
	Version string            `json:"version,omitempty"` // a regex of the proxy's version
	Node    map[string]string `json:"node,omitempty"`    // node metadata

	Port           uint32 `json:"port,omitempty"`     // of the listener, route configuration or cluster
	Listener       string `json:"listener,omitempty"` // its name
	FilterChain    string `json:"filterChain,omitempty"`
	SNI            string `json:"sni,omitempty"`
	Transport      string `json:"transport,omitempty"` // transport_protocol
	Protocols      string `json:"protocols,omitempty"` // application_protocols, comma separated
	ChainPort      uint32 `json:"chainPort,omitempty"` // destination_port of the chain
	Filter         string `json:"filter,omitempty"`
	SubFilter      string `json:"subFilter,omitempty"`
	ListenerFilter string `json:"listenerFilter,omitempty"`

	RouteConfiguration string `json:"routeConfiguration,omitempty"`
	PortName           string `json:"portName,omitempty"`
	Gateway            string `json:"gateway,omitempty"`
	VirtualHost        string `json:"virtualHost,omitempty"`
	Domain             string `json:"domain,omitempty"` // one that the virtual host has
	Route              string `json:"route,omitempty"`
	Action             string `json:"action,omitempty"` // "ROUTE", "REDIRECT", "DIRECT_RESPONSE"

	Cluster string `json:"cluster,omitempty"` // its name
	Service string `json:"service,omitempty"` // its host
	Subset  string `json:"subset,omitempty"`
}
