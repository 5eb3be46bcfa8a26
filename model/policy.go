package model

// Action is what a matching authorization rule does.
type Action string

const (
	Allow Action = "ALLOW"
	Deny  Action = "DENY"
)

// AuthorizationPolicy is Istio's, resolved. A workload with ALLOW policies
// refuses what none of them allows; DENY comes first.
type AuthorizationPolicy struct {
	Object   Ref                 `json:"object"`
	Selector Selector            `json:"selector"`
	Action   Action              `json:"action"`
	Rules    []AuthorizationRule `json:"rules"` // none: matches nothing
	// Substitute marks the denial that stands in for an object that decides
	// access, is bad, and has no last good version.
	Substitute bool `json:"substitute,omitempty"`
}

// RuleID is the identity of the i-th rule, the name of its RBAC policy and
// what logs and explanations carry.
func (p AuthorizationPolicy) RuleID(i int) string {
	return RuleID(p.Object, i)
}

// AuthorizationRule holds where one of From, one of To, and all of When hold;
// an empty list always holds.
type AuthorizationRule struct {
	From []Source    `json:"from,omitempty"`
	To   []Operation `json:"to,omitempty"`
	When []Condition `json:"when,omitempty"`
}

// Source is who calls: each list that is not empty holds. Principals,
// namespaces, accounts and trust domains are what the caller's certificate
// says: without one none of them matches, and so every Not list holds.
type Source struct {
	Principals         []StringMatch `json:"principals,omitempty"` // "TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT"; aliases of the trust domain are written out
	NotPrincipals      []StringMatch `json:"notPrincipals,omitempty"`
	Namespaces         []StringMatch `json:"namespaces,omitempty"`
	NotNamespaces      []StringMatch `json:"notNamespaces,omitempty"`
	ServiceAccounts    []string      `json:"serviceAccounts,omitempty"` // "NAMESPACE/ACCOUNT"
	NotServiceAccounts []string      `json:"notServiceAccounts,omitempty"`
	TrustDomains       []StringMatch `json:"trustDomains,omitempty"`
	NotTrustDomains    []StringMatch `json:"notTrustDomains,omitempty"`

	IPBlocks          []string `json:"ipBlocks,omitempty"` // CIDR, of the connection's peer
	NotIPBlocks       []string `json:"notIpBlocks,omitempty"`
	RemoteIPBlocks    []string `json:"remoteIpBlocks,omitempty"` // CIDR, after X-Forwarded-For
	NotRemoteIPBlocks []string `json:"notRemoteIpBlocks,omitempty"`
}

// Operation is what is called: each list that is not empty holds.
type Operation struct {
	Methods    []StringMatch `json:"methods,omitempty"`
	NotMethods []StringMatch `json:"notMethods,omitempty"`
	Paths      []StringMatch `json:"paths,omitempty"` // without the query
	NotPaths   []StringMatch `json:"notPaths,omitempty"`
	Hosts      []StringMatch `json:"hosts,omitempty"` // any case, with or without a port
	NotHosts   []StringMatch `json:"notHosts,omitempty"`
	Ports      []uint32      `json:"ports,omitempty"`
	NotPorts   []uint32      `json:"notPorts,omitempty"`
}

// Named tells whether a source asks for what a certificate says.
func (s Source) Named() bool {
	return len(s.Principals)+len(s.NotPrincipals)+len(s.Namespaces)+len(s.NotNamespaces)+
		len(s.ServiceAccounts)+len(s.NotServiceAccounts)+len(s.TrustDomains)+len(s.NotTrustDomains) > 0
}

// Condition is on one request header, or one declared attribute: one of Values,
// none of NotValues. Of an attribute that is a list, one element is enough. Or
// it is on who calls.
type Condition struct {
	Header    string        `json:"header,omitempty"` // lower case
	Attribute string        `json:"attribute,omitempty"`
	Values    []StringMatch `json:"values,omitempty"`
	NotValues []StringMatch `json:"notValues,omitempty"`
	Source    *Source       `json:"source,omitempty"` // then the others are empty
}
