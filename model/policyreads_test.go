package model

import (
	"reflect"
	"slices"
	"testing"
)

// TestRulesTellWhatTheyRead of each field, and of no other.
func TestRulesTellWhatTheyRead(t *testing.T) {
	one := []StringMatch{{Value: "x"}}
	for want, rule := range map[string]AuthorizationRule{
		"input.attributes.source.principal":              {From: []Source{{NotNamespaces: one}}},
		"input.attributes.source.address":                {From: []Source{{NotIPBlocks: []string{"x"}}}},
		"input.remote_address":                           {From: []Source{{RemoteIPBlocks: []string{"x"}}}},
		"input.attributes.request.http.method":           {To: []Operation{{NotMethods: one}}},
		"input.attributes.request.http.path":             {To: []Operation{{Paths: one}}},
		"input.attributes.request.http.host":             {To: []Operation{{Hosts: one}}},
		"input.attributes.destination.address":           {To: []Operation{{NotPorts: []uint32{1}}}},
		"input.attributes.tlsSession.sni":                {When: []Condition{{Operation: &Operation{ServerNames: one}}}},
		`input.attributes.request.http.headers["x-a.b"]`: {When: []Condition{{Header: "x-a.b", Values: one}}},
		"input.attribute.tier":                           {When: []Condition{{Attribute: "tier", Values: one}}},
		`input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].payload.realm["a\"b"]`: {When: []Condition{{Claim: []string{"realm", `a"b`}, Values: one}}},
		`input.attributes.metadataContext.filterMetadata["a.b"].c`:                                              {When: []Condition{{Metadata: &MetadataKey{Filter: "a.b", Key: "c"}, Values: one}}},
	} {
		reads := AuthorizationPolicy{Rules: []AuthorizationRule{rule, rule}}.Recorded().Reads
		if len(reads) != 1 || reads[0].Ref != want {
			t.Errorf("%+v reads %v, want %s", rule, reads, want)
		}
	}
	reads := AuthorizationPolicy{Rules: []AuthorizationRule{{When: []Condition{{Source: &Source{RequestPrincipals: []RequestPrincipal{{}}}}}}}}.Recorded().Reads
	var last []string
	for _, r := range reads {
		path := RefPath(r.Ref)
		last = append(last, path[len(path)-1])
	}
	if !slices.Equal(last, []string{"iss", "sub"}) || AuthorizationPolicy.Recorded(AuthorizationPolicy{Provider: "p"}).Of.Provider != "p" {
		t.Errorf("a request's principal reads %v", reads)
	}
}

func TestReferencesAreReadAsTheyAreWritten(t *testing.T) {
	for _, path := range [][]string{{"a", "b c", `d"]`, "é", "1", "x-y", ""}, {"a"}} {
		if got := RefPath(reference(path)); !reflect.DeepEqual(got, path) {
			t.Errorf("%q is read as %q", path, got)
		}
	}
}
