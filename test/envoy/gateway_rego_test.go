package envoy_test

import (
	"context"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/authz"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/test/harness"
)

const gatewayRego = `package edge

import input.attributes.request.http

default allow := false

allow if startswith(http.path, "/open/")

allow if {
	http.path == "/port"
	input.attributes.destination.address.socketAddress.portValue == 8080
}

allow if {
	http.path == "/otherport"
	input.attributes.destination.address.socketAddress.portValue == 80
}

allow if {
	input.parsed_path = ["users", id]
	id == http.headers["x-user"]
}

allow if input.parsed_query.token[0] in data.tokens

allow if {
	net.cidr_contains("127.0.0.0/8", input.attributes.source.address.socketAddress.address)
	http.headers["x-team"] in {"red", "blue"}
	not http.headers["x-forwarded-for"] == "10.0.0.1"
}

allow if {
	startswith(http.path, "/asked")
	indexof(http.headers["x-word"], "needle") == 2
}
`

// TestGatewaysDecideRegoPolicies: a gateway decides what it has rules of, and
// asks about the rest; each answer is the one of a gateway that always asks.
func TestGatewaysDecideRegoPolicies(t *testing.T) {
	policy := model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "istio-system", Name: "edge"}, Query: "data.edge.allow", Mode: model.Enforce,
		Selector: model.Selector{Namespace: "istio-system", Labels: map[string]string{"istio": "ingressgateway"}},
		Modules:  []model.RegoModule{{Name: "edge.rego", Source: gatewayRego}}, Data: `{"tokens": ["t1", "t2"]}`, Failure: model.FailClosed, Timeout: model.Duration(5e9)}
	lowered := policy
	lowered.Lowered = lower.Policy(policy, nil)
	daemon := authz.New(authz.Options{})
	if problems := daemon.SetPolicies([]model.RegoPolicy{policy}); problems.HasErrors() {
		t.Fatal(problems)
	}
	socket := filepath.Join(harness.ShortTemp(t), "p.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	policyd := &counted{AuthorizationServer: daemon}
	authv3.RegisterAuthorizationServer(server, policyd)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	var worlds []*world
	for _, p := range []model.RegoPolicy{lowered, policy} {
		w := newWorld(t)
		w.snap.Rego = []*model.RegoPolicy{&p}
		w.snap.Routes = []*model.RouteTable{{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: "reviews"}, Hosts: []string{reviewsHost},
			Gateways: []string{"default/edge"}, HTTP: []model.HTTPRoute{{Name: "rest", Destinations: []model.Destination{to("v1", 1)}}}}}
		w.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "default", Name: "edge"},
			Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}}, Servers: []model.GatewayServer{{Port: 80, Protocol: model.HTTP, Hosts: []string{"*"}}}}}
		w.start("edge", noOptions, socket)
		worlds = append(worlds, w)
	}
	for _, c := range []struct {
		path, header string
		status       int
		asks         bool
	}{
		{"/open/x", "", 200, false},
		{"/opens", "", 403, false},
		{"/open/../x", "", 403, false},
		{"/users/me", "x-user: me", 200, false},
		{"/users/me", "x-user: you", 403, false},
		{"/users/me", "", 403, false},
		{"/x?a=1&token=t2", "", 200, false},
		{"/x?token=t3&token=t1", "", 403, false},
		{"/x?token=%741", "", 200, true},
		{"/port", "", 200, false},
		{"/otherport", "", 403, false},
		{"/x", "x-team: red", 200, false},
		{"/x", "x-team: green", 403, false},
		{"/asked", "x-word: a needle", 200, true},
		{"/asked", "x-word: needle", 403, true},
	} {
		var statuses [2]int
		var asked [2]int32
		for i, w := range worlds {
			before := policyd.n.Load()
			a := do(t, client(newTransport()), "GET http://"+w.address(1)+":8080"+c.path, "host: "+reviewsHost, c.header)
			statuses[i], asked[i] = a.StatusCode, policyd.n.Load()-before
		}
		if statuses != [2]int{c.status, c.status} || asked[1] != 1 || (asked[0] == 1) != c.asks {
			t.Errorf("%s %s: %v, asked %v; want %d, asks: %v", c.path, c.header, statuses, asked, c.status, c.asks)
		}
	}
}

// counted is a policyd that counts its questions.
type counted struct {
	authv3.AuthorizationServer
	n atomic.Int32
}

func (c *counted) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	c.n.Add(1)
	return c.AuthorizationServer.Check(ctx, r)
}
