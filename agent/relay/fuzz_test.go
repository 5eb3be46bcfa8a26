package relay

import (
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// FuzzDecode: whatever stands in a file, it is refused, or what is read of it
// writes a file that reads the same.
func FuzzDecode(f *testing.F) {
	packed, err := anypb.New(listener("s", 1))
	if err != nil {
		f.Fatal(err)
	}
	good, err := encode(node, typeListener, resources{"s": {Name: "s", Version: "1", Resource: packed}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":"krater.dev/relay/v1"}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		typeURL, all, err := decode(content, node)
		if err != nil {
			return
		}
		again, err := encode(node, typeURL, all)
		if err != nil {
			t.Fatal(err)
		}
		if back, same, err := decode(again, node); err != nil || back != typeURL || len(same) != len(all) {
			t.Fatalf("written back it reads otherwise: %v", err)
		}
	})
}

// FuzzSession: whatever an Envoy says, and whatever a control plane answers,
// the session goes on.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 30, 40})
	f.Fuzz(func(t *testing.T, moves []byte) {
		s := newSession(&lastGood{types: map[string]resources{typeListener: {}}, broken: map[string]bool{}})
		for i, m := range moves {
			typeURL := order[int(m)%len(order)]
			name := string(rune('a' + int(m)%5))
			switch m / 50 {
			case 0:
				req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: []string{name}, ResponseNonce: string(rune('0' + i%10))}
				t1, answered := s.note(req)
				s.forward(t1, answered, req)
			case 1:
				s.response(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeURL, Nonce: name, Resources: []*discoveryv3.Resource{{Name: name}}})
			case 2:
				s.note(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesUnsubscribe: []string{name, wildcard}})
			case 3:
				s.connected(i + 1)
			default:
				s.fromLastGood()
				s.settle()
				s.good(s.kept)
			}
		}
	})
}
