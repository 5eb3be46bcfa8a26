package serve

import (
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// TestAcknowledgedAndRefused: what was sent is not there until the proxy says
// so, and a refusal is of the bytes that are published, not of older ones.
func TestAcknowledgedAndRefused(t *testing.T) {
	s, st := New(Options{}), &stream{node: "n", wake: make(chan struct{}, 1), session: newSession("n")}
	st.server = s
	s.connect(st)
	publish := func(text string) {
		t.Helper()
		m := &core.TypedExtensionConfig{Name: "slot", TypedConfig: &anypb.Any{TypeUrl: "x", Value: []byte(text)}}
		if err := s.Publish("n", Set{TypeExtensionConfig: {"slot": m}}, Cause{}); err != nil {
			t.Fatal(err)
		}
	}
	nonce := ""
	step := func(req *discovery.DeltaDiscoveryRequest) {
		t.Helper()
		if res, _ := st.step(req); res != nil {
			nonce = res.GetNonce()
		}
	}
	expect := func(text string, acknowledged bool, refused string) {
		t.Helper()
		if got := s.Acknowledged("n", TypeExtensionConfig, []byte(text)); got != acknowledged {
			t.Fatalf("%s is acknowledged: %v", text, got)
		}
		if got := s.Refused("n", TypeExtensionConfig, "slot"); got != refused {
			t.Fatalf("refused: %q", got)
		}
	}
	publish("aaaa")
	expect("aaaa", false, "")
	step(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResourceNamesSubscribe: []string{"slot"}})
	expect("aaaa", false, "")
	step(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResponseNonce: nonce})
	expect("aaaa", true, "")
	publish("bbbb")
	expect("aaaa", false, "") // it is not published any more
	step(nil)
	expect("bbbb", false, "")
	step(&discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResponseNonce: nonce, ErrorDetail: &status.Status{Message: "no"}})
	expect("bbbb", false, "no")
	publish("cccc")
	expect("cccc", false, "")
	if !s.Connected("n") || s.Connected("m") {
		t.Fatal("who is connected is not known")
	}
}
