package serve

import (
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/krater-mesh/krater/model"
)

// newest answers the question whether the proxy has the newest of all filters'
// configuration: that there is nothing of the name asked for. There is no
// answer as long as something is to be sent, on its way or refused. Nobody
// acknowledges it.
func (s *session) newest() *response {
	t := s.types[TypeExtensionConfig]
	if len(s.question) == 0 || t == nil || t.flight != nil || t.waiting || len(t.refused) > 0 {
		return nil
	}
	res := &response{DeltaDiscoveryResponse: &discovery.DeltaDiscoveryResponse{
		TypeUrl: model.TypeFreshness, Nonce: s.nextNonce(), RemovedResources: s.question,
	}}
	s.question = nil
	return res
}
