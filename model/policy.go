package model

import "slices"

// Action is what a matching authorization rule does.
type Action string

const (
	Allow  Action = "ALLOW"
	Deny   Action = "DENY"
	Audit  Action = "AUDIT"  // marks the request, and decides nothing
	Custom Action = "CUSTOM" // has a provider asked
)

// What a CUSTOM policy's dry run would have come to: what its provider said, or
// what becomes of the request where nobody answered.
const (
	DryRunAllowed = "allowed"
	DryRunDenied  = "denied"
	DryRunPassed  = "unanswered, passed"
	DryRunRefused = "unanswered, refused"
)

// AuthorizationPolicy is Istio's, resolved. A workload with ALLOW policies
// refuses what none of them allows; CUSTOM comes first, then DENY.
type AuthorizationPolicy struct {
	Object   Ref      `json:"object"`
	Selector Selector `json:"selector"`
	// Gateways and Services are names of what it is attached to; with Selector's
	// namespace they give Targets, which then choose in Selector's place.
	Gateways []string            `json:"gateways,omitempty"`
	Services []string            `json:"services,omitempty"`
	Targets  []Selector          `json:"targets,omitempty"`
	Action   Action              `json:"action"`
	Rules    []AuthorizationRule `json:"rules"` // none: matches nothing
	// Provider is who is asked: a CUSTOM policy's.
	Provider string `json:"provider,omitempty"`
	// AfterAuthn has it asked once the token is verified, not before.
	AfterAuthn bool `json:"afterAuthn,omitempty"`
	// DryRun only records what the policy would do.
	DryRun bool `json:"dryRun,omitempty"`
	// Substitute marks the denial that stands in for an object that decides
	// access, is bad, and has no last good version.
	Substitute bool `json:"substitute,omitempty"`
}

// Selects tells whether the policy is for a workload's requests.
func (p *AuthorizationPolicy) Selects(w Workload) bool {
	if len(p.Gateways)+len(p.Services) == 0 {
		return p.Selector.Matches(w)
	}
	return slices.ContainsFunc(p.Targets, func(s Selector) bool { return s.Matches(w) })
}

// ReadsToken tells whether a rule asks for what a verified token says.
func (p *AuthorizationPolicy) ReadsToken() bool {
	asks := func(s Source) bool { return len(s.RequestPrincipals)+len(s.NotRequestPrincipals) > 0 }
	return slices.ContainsFunc(p.Rules, func(r AuthorizationRule) bool {
		return slices.ContainsFunc(r.From, asks) || slices.ContainsFunc(r.When, func(c Condition) bool {
			return len(c.Claim) > 0 || c.Source != nil && asks(*c.Source)
		})
	})
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

	// Of the token that was verified: without one none of them matches.
	RequestPrincipals    []RequestPrincipal `json:"requestPrincipals,omitempty"`
	NotRequestPrincipals []RequestPrincipal `json:"notRequestPrincipals,omitempty"`
}

// RequestPrincipal is who a token was issued to, and by whom: both hold.
type RequestPrincipal struct {
	Issuer  StringMatch `json:"issuer"`
	Subject StringMatch `json:"subject"`
}

// Operation is what is called: each list that is not empty holds.
type Operation struct {
	Methods    []StringMatch `json:"methods,omitempty"`
	NotMethods []StringMatch `json:"notMethods,omitempty"`
	Paths      []StringMatch `json:"paths,omitempty"` // without the query; may be templates
	NotPaths   []StringMatch `json:"notPaths,omitempty"`
	Hosts      []StringMatch `json:"hosts,omitempty"` // any case, with or without a port
	NotHosts   []StringMatch `json:"notHosts,omitempty"`
	Ports      []uint32      `json:"ports,omitempty"`
	NotPorts   []uint32      `json:"notPorts,omitempty"`

	Addresses      []string      `json:"addresses,omitempty"` // CIDR, of the connection's own end
	NotAddresses   []string      `json:"notAddresses,omitempty"`
	ServerNames    []StringMatch `json:"serverNames,omitempty"` // that the client asked TLS for
	NotServerNames []StringMatch `json:"notServerNames,omitempty"`
}

// OfRequest tells whether an operation asks for what only a request has.
func (o Operation) OfRequest() bool {
	return len(o.Methods)+len(o.NotMethods)+len(o.Paths)+len(o.NotPaths)+len(o.Hosts)+len(o.NotHosts) > 0
}

// Named tells whether a source asks for what a certificate says.
func (s Source) Named() bool {
	return len(s.Principals)+len(s.NotPrincipals)+len(s.Namespaces)+len(s.NotNamespaces)+
		len(s.ServiceAccounts)+len(s.NotServiceAccounts)+len(s.TrustDomains)+len(s.NotTrustDomains) > 0
}

// Condition is on one value: a request header, a declared attribute, a claim of
// the verified token, or what a filter left as metadata: one of Values, or of
// Elements, and none of the Not lists. Of an attribute or a claim that is a list,
// one element is enough. Or it is on who calls, or on what is called.
type Condition struct {
	Header    string        `json:"header,omitempty"` // lower case
	Attribute string        `json:"attribute,omitempty"`
	Claim     []string      `json:"claim,omitempty"`    // the members that lead to it
	Metadata  *MetadataKey  `json:"metadata,omitempty"` // a text
	Values    []StringMatch `json:"values,omitempty"`
	NotValues []StringMatch `json:"notValues,omitempty"`
	// Elements are those of metadata that is a list.
	Elements    []StringMatch `json:"elements,omitempty"`
	NotElements []StringMatch `json:"notElements,omitempty"`
	Source      *Source       `json:"source,omitempty"`    // then the others are empty
	Operation   *Operation    `json:"operation,omitempty"` // likewise
}

// MetadataKey names what a filter of the proxy left of a request.
type MetadataKey struct {
	Filter string `json:"filter"` // "envoy.filters.http.lua"
	Key    string `json:"key"`
}
