package relay

import (
	"slices"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

func resource(t *testing.T, name, version string) *discoveryv3.Resource {
	t.Helper()
	packed, err := anypb.New(&routev3.RouteConfiguration{Name: name, Vhds: &routev3.Vhds{}})
	if err != nil {
		t.Fatal(err)
	}
	return &discoveryv3.Resource{Name: name, Version: version, Resource: packed}
}

// says is a request of Envoy's; it gives what is forwarded.
func says(s *session, typeURL, nonce string, names ...string) *discoveryv3.DeltaDiscoveryRequest {
	req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResponseNonce: nonce, ResourceNamesSubscribe: names}
	t, answered := s.note(req)
	return s.forward(t, answered, req)
}

// TestAnAnswerToAnotherLinkIsNotForwarded: nonces are a link's own, and begin
// at the same number on each.
func TestAnAnswerToAnotherLinkIsNotForwarded(t *testing.T) {
	s := newSession(&lastGood{types: map[string]resources{}})
	s.connected(1)
	says(s, typeEndpoint, "", "a")
	down := s.response(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeEndpoint, Nonce: "1", Resources: []*discoveryv3.Resource{resource(t, "a", "v1")}})
	if out := s.connected(2); len(out) != 1 || out[0].InitialResourceVersions["a"] != "v1" {
		t.Errorf("the new link hears %v, want that the response on its way is had", out)
	}
	if out := says(s, typeEndpoint, down.Nonce); out != nil {
		t.Errorf("forwarded %v", out)
	}
	next := s.response(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeEndpoint, Nonce: "7"})
	if out := says(s, typeEndpoint, next.Nonce, "b"); out.GetResponseNonce() != "7" || !slices.Equal(out.GetResourceNamesSubscribe(), []string{"b"}) {
		t.Errorf("forwarded %v", out)
	}
}

// TestANameThatIsAskedAgainIsSentAgain: Envoy dropped what it had of it.
func TestANameThatIsAskedAgainIsSentAgain(t *testing.T) {
	s := newSession(&lastGood{types: map[string]resources{}})
	s.connected(1)
	says(s, typeEndpoint, "", "a")
	down := s.response(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeEndpoint, Resources: []*discoveryv3.Resource{resource(t, "a", "v1")}})
	says(s, typeEndpoint, down.Nonce)
	says(s, typeEndpoint, "", "a")
	if out := s.connected(2); out[0].InitialResourceVersions["a"] != "" {
		t.Errorf("the new link hears that Envoy has it: %v", out[0])
	}
	if out, _ := s.fromLastGood(); len(out) != 0 {
		t.Errorf("answered from nothing: %v", out)
	}
}

// TestRoutesThatAreAskedAgainGetTheirHostsAgain, though the control plane is
// away; and routes that have none are told so, since Envoy waits for any.
func TestRoutesThatAreAskedAgainGetTheirHostsAgain(t *testing.T) {
	host := resource(t, "r/h", "1")
	s := newSession(&lastGood{types: map[string]resources{
		typeRoutes:      {"r": resource(t, "r", "1"), "empty": resource(t, "empty", "1")},
		typeVirtualHost: {"r/h": host},
	}})
	hosts := func() (names, removed []string) {
		out, _ := s.fromLastGood()
		for _, res := range out {
			if res.TypeUrl == typeVirtualHost {
				for _, r := range res.Resources {
					names = append(names, r.Name)
				}
				removed = append(removed, res.RemovedResources...)
			}
			says(s, res.TypeUrl, res.Nonce)
		}
		return names, removed
	}
	says(s, typeVirtualHost, "")
	says(s, typeRoutes, "", "r", "empty")
	hosts() // the routes, which Envoy takes
	if names, removed := hosts(); !slices.Equal(names, []string{"r/h"}) || !slices.Equal(removed, []string{"empty/"}) {
		t.Errorf("hosts %v, without hosts %v", names, removed)
	}
	says(s, typeRoutes, "", "r")
	hosts()
	if names, _ := hosts(); !slices.Equal(names, []string{"r/h"}) {
		t.Errorf("asked again: hosts %v", names)
	}
}
