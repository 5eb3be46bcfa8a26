package serve

import (
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// message is a response as a proxy reads it.
func message(t interface{ Fatal(...any) }, r *response) *discovery.DeltaDiscoveryResponse {
	if r == nil {
		return nil
	}
	data, err := codec{}.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	m := &discovery.DeltaDiscoveryResponse{}
	if err := proto.Unmarshal(data.Materialize(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAResponseIsWhatItsPartsSay(t *testing.T) {
	part := mustPart(t, NewEncoder(), Set{testType: {"a": say("hello"), "b": say("")}})
	want := &discovery.DeltaDiscoveryResponse{TypeUrl: testType, Nonce: "7", RemovedResources: []string{"x", "y"}, SystemVersionInfo: "v"}
	got := message(t, &response{proto.CloneOf(want), part.shards[0].resources})
	if len(got.GetResources()) != 2 || got.GetResources()[0].GetName() != "a" || textOf(got.GetResources()[0].GetResource()) != "hello" ||
		got.GetResources()[1].GetVersion() != part.shards[0].resources[1].digest.String() {
		t.Errorf("resources %v", got.GetResources())
	}
	if got.Resources = nil; !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Sending a set to one more proxy copies none of its bytes.
func TestSendingCopiesNoResource(t *testing.T) {
	set := Set{testType: {}}
	for _, name := range []string{"a", "b", "c"} {
		set[testType][name] = say("%01000000d", 1)
	}
	r := &response{&discovery.DeltaDiscoveryResponse{TypeUrl: testType}, mustPart(t, NewEncoder(), set).shards[0].resources}
	if per := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := (codec{}).Marshal(r); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp(); per > 10_000 {
		t.Errorf("a response of 3 MB takes %d bytes", per)
	}
}
