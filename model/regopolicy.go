package model

// FailureMode is what happens to a request whose policy cannot be asked.
type FailureMode string

const (
	FailClosed FailureMode = "Closed"
	FailOpen   FailureMode = "Open"
)

// Mode is whether a verdict counts.
type Mode string

const (
	Enforce Mode = "Enforce"
	Shadow  Mode = "Shadow"
)

// RegoPolicy is decided by Rego modules.
type RegoPolicy struct {
	Object   Ref          `json:"object"`
	Selector Selector     `json:"selector"`
	Modules  []RegoModule `json:"modules"`
	Data     string       `json:"data,omitempty"` // a JSON document
	Query    string       `json:"query"`          // "data.istio.authz.allow"
	Mode     Mode         `json:"mode"`
	Failure  FailureMode  `json:"failure"`
	Timeout  Duration     `json:"timeout"`
	MaxBody  uint32       `json:"maxBody,omitempty"` // bytes of the request's body that are sent; 0: none
	Lower    Lower        `json:"lower,omitempty"`   // "" is LowerAuto
	// Lowered is what a proxy decides of it by itself. nil: nothing.
	Lowered *Lowered `json:"lowered,omitempty"`
}

// Lower says whether a policy may be decided by proxies.
type Lower string

const (
	LowerAuto    Lower = "Auto"
	LowerNever   Lower = "Never"
	LowerRequire Lower = "Require" // a part that stays to be asked is a Problem
)

// RegoModule is one file of Rego.
type RegoModule struct {
	Name   string `json:"name"`
	Source string `json:"source"`
}

// Version is the policy's content hash.
func (p RegoPolicy) Version() string {
	return Hash(struct {
		M    []RegoModule
		D, Q string
		T    Duration
		F    FailureMode
		Mode Mode
	}{p.Modules, p.Data, p.Query, p.Timeout, p.Failure, p.Mode})
}
