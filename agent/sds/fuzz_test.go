package sds

import (
	"log/slog"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/protobuf/proto"
)

// answers keeps what a stream is sent.
type answers struct {
	secretv3.SecretDiscoveryService_DeltaSecretsServer
	sent []*discoveryv3.DeltaDiscoveryResponse
}

// Send implements the stream.
func (a *answers) Send(r *discoveryv3.DeltaDiscoveryResponse) error {
	a.sent = append(a.sent, r)
	return nil
}

// FuzzRequests: whatever is asked, in two requests, only the two secrets are
// given, and what is remembered of a client is bounded.
func FuzzRequests(f *testing.F) {
	seed := func(r *discoveryv3.DeltaDiscoveryRequest) []byte {
		text, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	first := seed(&discoveryv3.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{Certificate, Roots, "file:/etc/passwd"}})
	f.Add(first, seed(&discoveryv3.DeltaDiscoveryRequest{ResourceNamesUnsubscribe: []string{Roots}}))
	f.Add(seed(&discoveryv3.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"*"}, InitialResourceVersions: map[string]string{"default": "1"}}), first)
	material := &Material{Chain: []byte("chain"), Key: []byte("key"), Bundles: map[string][]byte{"a.example": []byte("root")}}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		to := &answers{}
		st := &stream{server: &Server{log: slog.New(slog.DiscardHandler)}, rpc: to, sent: map[string]string{}}
		for _, text := range [][]byte{one, two} {
			var req discoveryv3.DeltaDiscoveryRequest
			if proto.Unmarshal(text, &req) != nil {
				return
			}
			st.take(&req)
			if err := st.send(material); err != nil {
				t.Fatal(err)
			}
		}
		if len(st.sent) > mostNames+2 {
			t.Errorf("%d names are remembered", len(st.sent))
		}
		for _, r := range to.sent {
			for _, secret := range r.GetResources() {
				if !known(secret.GetName()) {
					t.Errorf("it gives %q", secret.GetName())
				}
			}
		}
	})
}
