package envoy_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// claimsOf stands in for jwt_authn: it leaves the payload of the token that a
// request names where that does, and has the route chosen anew.
const claimsOf = `
function envoy_on_request(h)
  local tokens = {
    text = {role = "admin", org = {unit = "a"}},
    list = {role = {"user", "admin"}, org = {unit = {"b", "a"}}},
    other = {role = {"user"}, org = {unit = "b"}},
    number = {role = 7, org = {unit = {7}}},
  }
  local payload = tokens[h:headers():get("x-token")]
  if payload then
    h:streamInfo():dynamicMetadata():set("envoy.filters.http.jwt_authn", "payload", payload)
    h:clearRouteCache()
  end
end`

// TestClaims: a gateway's routes match what a verified token says, as text or
// as one item of a list.
func TestClaims(t *testing.T) {
	exact := func(value string) model.StringMatch { return model.StringMatch{Kind: model.Exact, Value: value} }
	route := func(name string, claims ...model.ClaimMatch) model.HTTPRoute {
		tells := model.HeaderChanges{Response: model.HeaderOps{Set: map[string]string{"x-route": name}}}
		return model.HTTPRoute{Name: name, Matches: on(model.HTTPMatch{Claims: claims}), Direct: &model.DirectResponse{Status: 200}, Headers: tells}
	}
	w := newWorld(t)
	w.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "default", Name: "gw"},
		Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}},
		Servers:  []model.GatewayServer{{Port: 80, Protocol: model.HTTP, Hosts: []string{"*"}, Namespaces: []string{""}}}}}
	table := routeTable("claims",
		route("unit", model.ClaimMatch{Path: []string{"org", "unit"}, Match: exact("a")}, model.ClaimMatch{Path: []string{"role"}, Match: exact("admin")}),
		route("has", model.ClaimMatch{Path: []string{"role"}, Match: model.StringMatch{Kind: model.Present}},
			model.ClaimMatch{Path: []string{"org", "unit"}, Match: exact("b"), Not: true}),
		route("none", model.ClaimMatch{Path: []string{"role"}, Match: model.StringMatch{Kind: model.Regex, Value: ".*"}, Not: true}),
		route("rest", model.ClaimMatch{Path: []string{"nothing"}, Match: exact("x"), Not: true}))
	table.Hosts, table.Gateways = []string{"www.test"}, []string{"default/gw"}
	w.snap.Routes = []*model.RouteTable{table}
	w.snap.Seal()
	edge, _ := w.snap.Workload("edge")
	resources, _ := translate.Translate(w.snap, w.eps, edge, translate.Options{})
	host, err := protojson.Marshal(resources.VirtualHosts[0])
	if err != nil {
		t.Fatal(err)
	}
	admin, port := harness.FreePort(t), harness.FreePort(t)
	harness.StartEnvoy(t, []byte(fmt.Sprintf(`{admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}, static_resources: {listeners: [
  {address: {socket_address: {address: 127.0.0.1, port_value: %d}}, filter_chains: [{filters: [{name: hcm, typed_config: {
    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: x,
    route_config: {virtual_hosts: [%s]}, http_filters: [
      {name: lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: %q}}},
      {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}]}]}]}}`, admin, port, host, claimsOf)), admin)
	c := client(newTransport())
	for token, want := range map[string]string{"text": "unit", "list": "unit", "other": "rest", "number": "has", "": "none"} {
		if a := do(t, c, fmt.Sprintf("GET http://127.0.0.1:%d/", port), "host: www.test", "x-token: "+token); a.Header.Get("x-route") != want {
			t.Errorf("with the token %q: %d by %q, want %q", token, a.StatusCode, a.Header.Get("x-route"), want)
		}
	}
}
