package model

// Phase is where a Wasm filter stands in the chain.
type Phase string

const (
	PhaseAuthn   Phase = "AUTHN"
	PhaseAuthz   Phase = "AUTHZ"
	PhaseStats   Phase = "STATS"
	PhaseDefault Phase = "DEFAULT"
)

// FilterFailure is what a broken filter does to requests.
type FilterFailure string

const (
	FilterFailClosed FilterFailure = "FAIL_CLOSE"
	FilterFailOpen   FilterFailure = "FAIL_OPEN"
	FilterFailReload FilterFailure = "FAIL_RELOAD"
)

// TrafficMode is which of a workload's traffic a filter sees.
type TrafficMode string

const (
	ClientAndServer TrafficMode = "CLIENT_AND_SERVER"
	Client          TrafficMode = "CLIENT" // what the workload sends
	Server          TrafficMode = "SERVER" // what it receives; all of a gateway's
)

// BuiltinModule is the digest-less URL prefix of Krater's own filters:
// "builtin:headers" is root "headers" of the built-in module.
const BuiltinModule = "builtin:"

// FilterBinding puts a Wasm module into the chains of the workloads it selects.
type FilterBinding struct {
	Object   Ref               `json:"object"`
	Selector Selector          `json:"selector"`
	Module   Module            `json:"module"`
	RootID   string            `json:"rootId"`
	Config   string            `json:"config,omitempty"` // handed to the filter as it is; JSON
	Phase    Phase             `json:"phase"`
	Priority int32             `json:"priority"` // higher first
	Traffic  TrafficMode       `json:"traffic"`
	Ports    []uint32          `json:"ports,omitempty"` // none: all
	Failure  FilterFailure     `json:"failure"`
	Env      map[string]string `json:"env,omitempty"`
}

// Module is Wasm code, by content.
type Module struct {
	URL    string `json:"url"`
	Digest string `json:"digest"` // "sha256:" and 64 hex digits
	Size   int64  `json:"size"`
}

// AttributeSet declares attributes to draw from requests.
type AttributeSet struct {
	Object     Ref         `json:"object"`
	Selector   Selector    `json:"selector"`
	Attributes []Attribute `json:"attributes"`
}

// Attribute is one declared attribute. Exactly one source is set.
type Attribute struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // "string" for now
	Header string `json:"header,omitempty"`
	Cookie string `json:"cookie,omitempty"`
	Query  string `json:"query,omitempty"`
	// Path is a template in which one segment is "{}" and "*" is any one
	// segment, "**" at the end any rest: "/products/{}/**".
	Path   string `json:"path,omitempty"`
	Redact bool   `json:"redact,omitempty"` // its value never leaves the proxy
	// ToHeader also writes the value to this request header.
	ToHeader string `json:"toHeader,omitempty"`
}
