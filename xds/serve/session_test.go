package serve

import (
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// A virtual host is on its way when the proxy, having dropped its route
// configuration, asks for it anew: the acknowledgement means the dropped one.
func TestVirtualHostsFollowARouteConfigurationAskedForAnew(t *testing.T) {
	now := time.Unix(0, 0)
	part := mustPart(t, NewEncoder(), Set{
		TypeRouteConfiguration: {"r": testRoutes("r", "x")},
		TypeVirtualHost:        map[string]proto.Message{"r/h:80": say("c x")},
	})
	s := newSession("n")
	s.publish(newEncoded([]*Part{part}, nil), nil)
	next := func(wantType string) *discovery.DeltaDiscoveryResponse {
		t.Helper()
		res := message(t, s.next(now))
		if res.GetTypeUrl() != wantType {
			t.Fatalf("the next response is %v, want one of %s", res, short(wantType))
		}
		return res
	}
	ack := func(res *discovery.DeltaDiscoveryResponse) {
		s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce()}, now)
	}
	s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeRouteConfiguration, ResourceNamesSubscribe: []string{"r"}}, now)
	s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeVirtualHost}, now)
	ack(next(TypeRouteConfiguration))
	onItsWay := next(TypeVirtualHost)
	s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeRouteConfiguration, ResourceNamesSubscribe: []string{"r"}}, now)
	routes := next(TypeRouteConfiguration)
	ack(onItsWay)
	ack(routes)
	if res := next(TypeVirtualHost); len(res.GetResources()) != 1 {
		t.Errorf("virtual hosts: %v", res)
	}
}
