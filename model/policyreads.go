package model

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// PolicyReads is what the collector needs of a policy: what records of its
// decisions hold.
type PolicyReads struct {
	Object   Ref    `json:"object"`
	Query    string `json:"query,omitempty"` // a RegoPolicy's
	Reads    []Read `json:"reads,omitempty"`
	ReadsAll bool   `json:"readsAll,omitempty"`
	// Of is an AuthorizationPolicy without its rules: whom it selects.
	Of *AuthorizationPolicy `json:"of,omitempty"`
}

// Recorded is what the collector needs of the policy.
func (p RegoPolicy) Recorded() PolicyReads {
	out := PolicyReads{Object: p.Object, Query: p.Query}
	if p.Lowered != nil {
		out.Reads, out.ReadsAll = p.Lowered.Reads, p.Lowered.ReadsAll
	}
	return out
}

// Recorded is the same for Istio's: what its rules ask for, where the input
// document of a RegoPolicy has it.
func (p AuthorizationPolicy) Recorded() PolicyReads {
	var r references
	for _, rule := range p.Rules {
		for _, s := range rule.From {
			r.source(s)
		}
		for _, o := range rule.To {
			r.operation(o)
		}
		for _, c := range rule.When {
			r.condition(c)
		}
	}
	slices.Sort(r)
	out := PolicyReads{Object: p.Object}
	for _, ref := range slices.Compact(r) {
		out.Reads = append(out.Reads, Read{Ref: ref})
	}
	p.Rules = nil
	out.Of = &p
	return out
}

// references are those that some rules ask for.
type references []string

// FilterJWT is where the claims of a token that holds are.
const FilterJWT = "envoy.filters.http.jwt_authn"

func (r *references) when(asked int, path ...string) {
	if asked > 0 {
		*r = append(*r, reference(path))
	}
}

func (r *references) source(s Source) {
	if s.Named() {
		r.when(1, "attributes", "source", "principal")
	}
	r.when(len(s.IPBlocks)+len(s.NotIPBlocks), "attributes", "source", "address")
	r.when(len(s.RemoteIPBlocks)+len(s.NotRemoteIPBlocks), "remote_address")
	for _, claim := range []string{"iss", "sub"} {
		r.when(len(s.RequestPrincipals)+len(s.NotRequestPrincipals), claimPath(claim)...)
	}
}

func claimPath(claim ...string) []string {
	return append([]string{"attributes", "metadataContext", "filterMetadata", FilterJWT, "payload"}, claim...)
}

func (r *references) operation(o Operation) {
	r.when(len(o.Methods)+len(o.NotMethods), "attributes", "request", "http", "method")
	r.when(len(o.Paths)+len(o.NotPaths), "attributes", "request", "http", "path")
	r.when(len(o.Hosts)+len(o.NotHosts), "attributes", "request", "http", "host")
	r.when(len(o.Ports)+len(o.NotPorts)+len(o.Addresses)+len(o.NotAddresses), "attributes", "destination", "address")
	r.when(len(o.ServerNames)+len(o.NotServerNames), "attributes", "tlsSession", "sni")
}

func (r *references) condition(c Condition) {
	switch {
	case c.Source != nil:
		r.source(*c.Source)
	case c.Operation != nil:
		r.operation(*c.Operation)
	case c.Header != "":
		r.when(1, "attributes", "request", "http", "headers", c.Header)
	case c.Attribute != "":
		r.when(1, "attribute", c.Attribute)
	case len(c.Claim) > 0:
		r.when(1, claimPath(c.Claim...)...)
	case c.Metadata != nil:
		r.when(1, "attributes", "metadataContext", "filterMetadata", c.Metadata.Filter, c.Metadata.Key)
	}
}

var plainName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// reference is what RefPath reads.
func reference(path []string) string {
	var b strings.Builder
	b.WriteString("input")
	for _, name := range path {
		if plainName.MatchString(name) {
			b.WriteString("." + name)
			continue
		}
		quoted, _ := json.Marshal(name) // a text
		b.WriteString("[" + string(quoted) + "]")
	}
	return b.String()
}
