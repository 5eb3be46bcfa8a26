package model

import "slices"

// RequestAuthentication is Istio's, resolved: whose tokens are verified, by
// which keys, and where in a request they stand. A request without a token
// passes, one with a token that does not hold is refused.
type RequestAuthentication struct {
	Object   Ref      `json:"object"`
	Selector Selector `json:"selector"`
	// Gateways and Services are names of what it is attached to; with Selector's
	// namespace they give Targets, which then choose in Selector's place.
	Gateways []string   `json:"gateways,omitempty"`
	Services []string   `json:"services,omitempty"`
	Targets  []Selector `json:"targets,omitempty"`
	Rules    []JWTRule  `json:"rules,omitempty"`
	// Substitute marks what stands in for an object that is bad and has no last
	// good version: no token holds where its rules look.
	Substitute bool `json:"substitute,omitempty"`
	// RefuseAll: nor does a request without one, since it cannot be read where
	// the object looks for tokens.
	RefuseAll bool `json:"refuseAll,omitempty"`
}

// JWTRule is one issuer's tokens.
type JWTRule struct {
	Issuer    string   `json:"issuer,omitempty"`    // empty, of a substitute: any
	Audiences []string `json:"audiences,omitempty"` // one of them; none: any
	// Keys is a JSON Web Key Set of public keys. Empty: they never came, and no
	// token holds.
	Keys string `json:"keys,omitempty"`
	// KeysURL is whence the control plane has the keys; empty: they were declared.
	KeysURL string `json:"keysUrl,omitempty"`
	// Discovery: KeysURL is the issuer's OpenID configuration, which says where
	// the keys are.
	Discovery bool     `json:"discovery,omitempty"`
	Timeout   Duration `json:"timeout,omitempty"` // of one look at KeysURL; 0: 5 s

	// Where the token stands; all empty: "Authorization: Bearer" and the
	// parameter access_token.
	Headers []TokenHeader `json:"headers,omitempty"`
	Params  []string      `json:"params,omitempty"` // of the query
	Cookies []string      `json:"cookies,omitempty"`

	// Forward leaves the token in the request.
	Forward bool `json:"forward,omitempty"`
	// PayloadHeader takes the claims, as base64url of their JSON.
	PayloadHeader string        `json:"payloadHeader,omitempty"`
	ClaimHeaders  []ClaimHeader `json:"claimHeaders,omitempty"`
	// SpaceDelimited are claims that are lists written with spaces, beside scope
	// and permission.
	SpaceDelimited []string `json:"spaceDelimited,omitempty"`
}

// TokenHeader is a header that may have a token, behind a prefix.
type TokenHeader struct {
	Name   string `json:"name"` // lower case
	Prefix string `json:"prefix,omitempty"`
}

// ClaimHeader is a header that a claim is written to.
type ClaimHeader struct {
	Header string `json:"header"` // lower case
	Claim  string `json:"claim"`  // "a.b": the claim b within a
}

// Selects tells whether the object is for a workload's requests.
func (a *RequestAuthentication) Selects(w Workload) bool {
	if len(a.Gateways)+len(a.Services) == 0 {
		return a.Selector.Matches(w)
	}
	return slices.ContainsFunc(a.Targets, func(s Selector) bool { return s.Matches(w) })
}

// Locations are where the rule's tokens stand, the default ones written out.
func (r JWTRule) Locations() (headers []TokenHeader, params, cookies []string) {
	if len(r.Headers)+len(r.Params)+len(r.Cookies) == 0 {
		return []TokenHeader{{Name: "authorization", Prefix: "Bearer "}}, []string{"access_token"}, nil
	}
	return r.Headers, r.Params, r.Cookies
}

// Outputs are the headers that the rule writes, lower case: a client's own of
// these names go.
func (r JWTRule) Outputs() []string {
	var out []string
	if r.PayloadHeader != "" {
		out = append(out, r.PayloadHeader)
	}
	for _, c := range r.ClaimHeaders {
		out = append(out, c.Header)
	}
	return out
}

// SplitClaims are the claims that are split at spaces.
func (r JWTRule) SplitClaims() []string {
	return append([]string{"scope", "permission"}, r.SpaceDelimited...)
}

// Keyless are the rules whose keys never came.
func (a *RequestAuthentication) Keyless() []JWTRule {
	var out []JWTRule
	for _, r := range a.Rules {
		if r.Keys == "" && r.KeysURL != "" {
			out = append(out, r)
		}
	}
	return out
}
