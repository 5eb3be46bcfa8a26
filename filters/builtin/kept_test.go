package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/accesslist/config"
	"github.com/krater-mesh/krater/filters/filtertest"
)

// TestALargeAccessList: a hundred thousand entries are loaded, and decide.
func TestALargeAccessList(t *testing.T) {
	var names, blocks strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&names, "user-%d@example.com\n", i)
		fmt.Fprintf(&blocks, "10.%d.%d.%d/31\n", i>>14, i>>6&255, i<<2&255)
	}
	lists := config.Config{Lists: []config.List{
		{Name: "users", Action: config.Deny, Kind: config.CaseInsensitive, Key: config.Key{Header: "user"}, Entries: names.String()},
		{Name: "blocks", Action: config.Allow, Kind: config.CIDR, Key: config.Key{Property: []string{"source", "address"}}, Entries: blocks.String()},
	}}
	p := configure(t, "accesslist", lists.JSON())
	for _, c := range []struct{ user, from, want string }{
		{"nobody", "10.0.0.5:1", ""},
		{"User-99999@example.com", "10.0.0.5:1", "accesslist/users"},
		{"nobody", "10.0.0.2:1", "accesslist/blocks"},
		{"nobody", "[2001:db8::1]:1", "accesslist/blocks"},
	} {
		res := send(t, p, filtertest.Request{Headers: [][2]string{{"user", c.user}}, Properties: map[string]string{"source.address": c.from}})
		if have := res.Properties["krater.filter_decision"]; have != c.want || (res.Reply != nil) != (c.want != "") {
			t.Errorf("%s from %s: %q, %+v; want %q", c.user, c.from, have, res.Reply, c.want)
		}
	}
}

// TestAttributesOfBodies: a body that comes in parts, and one before trailers.
func TestAttributesOfBodies(t *testing.T) {
	p := configure(t, "attributes", `{"attributes":[{"name":"id","type":"int","from":{"json":"/user/id"}},{"name":"first","from":{"grpc":[1]}}],"maxBody":100}`)
	p.BodiesCome = true
	for name, c := range map[string]struct {
		request filtertest.Request
		want    map[string]string
	}{
		"parts":        {filtertest.Request{Parts: []string{`{"user":`, `{"id":7}}`}}, map[string]string{"id": "7"}},
		"trailers":     {filtertest.Request{Body: `{"user":{"id":8}}`, Trailers: [][2]string{{"a", "b"}}}, map[string]string{"id": "8"}},
		"none":         {filtertest.Request{}, nil},
		"too long":     {filtertest.Request{Parts: []string{strings.Repeat(" ", 101), `{"user":{"id":7}}`}}, nil},
		"not a number": {filtertest.Request{Body: `{"user":{"id":"x"}}`}, nil},
		"gRPC":         {filtertest.Request{Headers: [][2]string{{"content-type", "application/grpc"}}, Parts: []string{"\x00\x00\x00\x00\x04\x0a", "\x02hi", "more"}}, map[string]string{"first": "hi"}},
	} {
		if len(c.request.Headers) == 0 {
			c.request.Headers = [][2]string{{"content-type", "application/json"}}
		}
		res := send(t, p, c.request)
		if res.Paused || len(res.Properties) != len(c.want) {
			t.Errorf("%s: paused %t, wrote %v, want %v", name, res.Paused, res.Properties, c.want)
		}
		for key, value := range c.want {
			if res.Properties[key] != value {
				t.Errorf("%s: wrote %v, want %v", name, res.Properties, c.want)
			}
		}
		if body := c.request.Body + strings.Join(c.request.Parts, ""); res.Body != body {
			t.Errorf("%s: upstream got %q, want %q", name, res.Body, body)
		}
	}
}

func TestDecisionCache(t *testing.T) {
	p := configure(t, "decisioncache", `{"policySet":"s","keyId":"k","token":"0123456789abcdef","allowMillis":60000,"denyMillis":60000,"answer":{},
		"inputs":[{"header":":path"},{"property":["source","address"]}],"denyHeaders":["why"]}`)
	const marked = "metadata\x00filter_metadata\x00envoy.filters.http.ext_authz\x00krater_cache"
	send(t, p, filtertest.Request{Path: "/yes", Properties: map[string]string{marked: "s k ALLOW 60000"}})
	send(t, p, filtertest.Request{Path: "/no", Properties: map[string]string{marked: "s k DENY 60000 nope"}, Status: 403,
		ResponseHeaders: [][2]string{{"why", "so"}, {"content-length", "4"}}, ResponseParts: []string{"no", "pe"}})
	if res := send(t, p, filtertest.Request{Path: "/yes"}); res.Properties["krater.decision"] != "0123456789abcdef" || res.Reply != nil {
		t.Errorf("an allowed request: %v, %+v", res.Properties, res.Reply)
	}
	if res := send(t, p, filtertest.Request{Path: "/no"}); res.Reply == nil || res.Reply.Status != 403 || res.Reply.Body != "nope" || res.Reply.Details != "decisioncache_denied" {
		t.Errorf("a refused request: %+v", res.Reply)
	}
	if res := send(t, p, filtertest.Request{Path: "/yes", Properties: map[string]string{"source.address": "10.0.0.9:1"}}); res.Properties["krater.decision"] != "" {
		t.Errorf("another caller: %v", res.Properties)
	}
}
