package model

import "fmt"

// Place is where a rule runs.
type Place string

const (
	Native Place = "native" // Envoy's own filters
	Wasm   Place = "wasm"   // a Go filter in the proxy
	Daemon Place = "daemon" // policyd, or the collector
)

// Placement says where one rule of an object went, and why.
type Placement struct {
	Object Ref    `json:"object"`
	Rule   string `json:"rule"`
	Place  Place  `json:"placement"`
	Reason string `json:"reason"`
}

// Decision is one verdict with its identity (design section 6).
type Decision struct {
	Policy     string `json:"policy"` // "Kind namespace/name"
	Rule       string `json:"rule"`
	Place      Place  `json:"placement"`
	PolicySet  string `json:"policySet,omitempty"` // the deciding slot's version
	DecisionID string `json:"decisionId,omitempty"`
	Allowed    bool   `json:"allowed"`
	Shadow     bool   `json:"shadow,omitempty"` // it only says what would have been
	Limit      string `json:"limit,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// RuleID is the identity of the i-th rule of an object:
// "Kind/namespace/name/rule[i]".
func RuleID(o Ref, i int) string {
	return fmt.Sprintf("%s/%s/%s/rule[%d]", o.Kind, o.Namespace, o.Name, i)
}

// RegoRuleID is the identity of a rule of a RegoPolicy, by what decides in it:
// "RegoPolicy/namespace/name/RULE". A policy's query is its rule where policyd
// decides.
func RegoRuleID(o Ref, rule string) string {
	return o.Kind + "/" + o.Namespace + "/" + o.Name + "/" + rule
}

// ImplicitDeny is the rule id of the refusal that follows from ALLOW policies
// none of which matched.
const ImplicitDeny = "implicit-deny"
