package translate_test

import (
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestAPortThatCannotBeOpenedIsNoUnknownOne: a proxy without an identity takes
// nothing at a STRICT port. What comes there must not pass as for a port that
// the mesh does not know.
func TestAPortThatCannotBeOpenedIsNoUnknownOne(t *testing.T) {
	c, w := readCase(t, "testdata/redirect-sidecar.in.yaml")
	c.Snapshot.PeerAuthentications = []*model.PeerAuthentication{{Object: model.Ref{Kind: "PeerAuthentication", Namespace: "default", Name: "web"},
		Selector: &model.Selector{}, Mode: model.MTLSPermissive, Ports: map[uint32]model.MTLSMode{9080: model.MTLSStrict, 4444: model.MTLSStrict}}}
	c.Snapshot.Seal()
	o := options
	o.NoIdentity = true
	resources, _ := translate.Translate(c.Snapshot, c.Endpoints, w, o)
	var inbound *listenerv3.Listener
	for _, l := range resources.Listeners {
		if l.Name == translate.VirtualInbound {
			inbound = l
		}
	}
	shut := map[uint32]bool{}
	for _, chain := range inbound.GetFilterChains() {
		port := chain.GetFilterChainMatch().GetDestinationPort().GetValue()
		if chain.Name == "blackhole" {
			shut[port] = true
		} else if port == 9080 || port == 4444 {
			t.Errorf("port %d has the chain %s", port, chain.Name)
		}
		if strings.Contains(chain.Name, "mtls") {
			t.Errorf("without an identity there is the chain %s", chain.Name)
		}
	}
	for _, port := range []uint32{9080, 4444, translate.InboundPort} {
		if !shut[port] {
			t.Errorf("port %d is not shut", port)
		}
	}
}
