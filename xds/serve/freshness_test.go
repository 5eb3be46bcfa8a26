package serve

import (
	"slices"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// slotSaying is a filter's configuration.
func slotSaying(t *testing.T, text string) *Part {
	t.Helper()
	body, err := anypb.New(wrapperspb.String(text))
	if err != nil {
		t.Fatal(err)
	}
	return mustPart(t, NewEncoder(), Set{TypeExtensionConfig: {"slot": proto.Message(&corev3.TypedExtensionConfig{Name: "slot", TypedConfig: body})}})
}

// TestFreshnessIsToldOfWhatIsInForce: of no slot that is on its way, or was
// refused.
func TestFreshnessIsToldOfWhatIsInForce(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSession("n")
	ask := func(name string) {
		s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: model.TypeFreshness, ResourceNamesSubscribe: []string{name}}, now)
	}
	told := func(what string, want ...string) {
		t.Helper()
		res := s.next(now)
		if want == nil {
			if res != nil {
				t.Fatalf("%s: told %v", what, res)
			}
			return
		}
		if res.GetTypeUrl() != model.TypeFreshness || !slices.Equal(res.GetRemovedResources(), want) {
			t.Fatalf("%s: told %v, want %v", what, res, want)
		}
	}
	slot := func(what string) *discovery.DeltaDiscoveryResponse {
		t.Helper()
		res := s.next(now)
		if res.GetTypeUrl() != TypeExtensionConfig {
			t.Fatalf("%s: told %v, want the slot", what, res)
		}
		return message(t, res)
	}
	answer := func(res *discovery.DeltaDiscoveryResponse, refused *rpcstatus.Status) {
		s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResponseNonce: res.GetNonce(), ErrorDetail: refused}, now)
	}
	ask("1")
	told("there is no set")
	s.publish(newEncoded([]*Part{slotSaying(t, "a")}, nil), nil)
	told("the proxy has asked for no slot")
	s.request(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResourceNamesSubscribe: []string{"slot"}}, now)
	first := slot("the slot is to be sent")
	told("the slot is on its way")
	ask("2")
	answer(first, nil)
	told("the proxy has it", "2")
	told("once is enough")

	ask("3")
	s.publish(newEncoded([]*Part{slotSaying(t, "b")}, nil), nil)
	answer(slot("the slot is to be sent first"), &rpcstatus.Status{Message: "no"})
	told("the proxy refused it")
	s.publish(newEncoded([]*Part{slotSaying(t, "a")}, nil), nil)
	answer(slot("the one of before is sent again"), nil)
	told("what was refused is wanted no more", "3")
}
