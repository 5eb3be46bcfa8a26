package explain

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestReceive(t *testing.T) {
	for name, c := range map[string]struct {
		role    Role
		sent    View
		want    View
		referer string
	}{
		"last dot":               {RoleServer, View{Path: "/", Authority: "a.:80"}, View{Authority: "a:80"}, ""},
		"no dot of IPv6":         {RoleServer, View{Path: "/", Authority: "[::1]:80"}, View{Authority: "[::1]:80"}, ""},
		"client behind a proxy":  {RoleServer, View{Path: "/", Peer: "1", Headers: Headers{"X-Forwarded-For": {"10.0.0.1", "10.0.0.2"}}}, View{Remote: "10.0.0.2"}, ""},
		"empty values are none":  {RoleServer, View{Path: "/", Peer: "1", Headers: Headers{"x-forwarded-for": {"10.0.0.1", ""}}}, View{Remote: "10.0.0.1"}, ""},
		"client of a gateway":    {RoleGateway, View{Path: "/", Peer: "1", Headers: Headers{"x-forwarded-for": {"10.0.0.1"}}}, View{Remote: "1"}, ""},
		"scheme behind a proxy":  {RoleServer, View{Path: "/", Scheme: "http", Headers: Headers{"x-forwarded-proto": {"https"}}}, View{Scheme: "https"}, ""},
		"steering is taken off":  {RoleServer, View{Path: "/", Headers: Headers{"x-envoy-internal": {"true"}}}, View{}, ""},
		"a referer that is none": {RoleServer, View{Path: "/", Headers: Headers{"referer": {"\xe9"}}}, View{}, ""},
		"a referer":              {RoleServer, View{Path: "/", Headers: Headers{"referer": {"http://a/b"}}}, View{}, "http://a/b"},
	} {
		got, ok := Receive(model.Mesh{NormalizePath: true}, c.role, c.sent)
		if !ok || c.want.Authority != got.Authority || c.want.Scheme != got.Scheme || c.want.Remote != "" && c.want.Remote != got.Remote {
			t.Errorf("%s: %+v, %t; want %+v", name, got, ok, c.want)
		}
		if referer, _ := got.Header("referer"); referer != c.referer {
			t.Errorf("%s: referer %q", name, referer)
		}
		if _, internal := got.Header("x-envoy-internal"); internal {
			t.Errorf("%s: x-envoy-internal passes", name)
		}
	}
	if _, ok := Receive(model.Mesh{}, RoleServer, View{Path: "*"}); ok {
		t.Error("what is no path passes")
	}
}
