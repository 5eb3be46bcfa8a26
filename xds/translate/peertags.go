package translate

import (
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
)

// peerTags say in a record who is at the other end, where that is proven or
// declared. Without them it is whoever has the address.
func peerTags(c chain) []*tracingv3.CustomTag {
	switch {
	case c.direction == inbound && c.mtls:
		return append(certifiedTags("krater.source."),
			formatted("krater.source.workload", state(stateWorkload)),
			formatted("krater.source.version", "%DYNAMIC_METADATA("+metadataPeer+":"+peerKey+":version)%"))
	case c.direction == inbound:
		return nil
	}
	var out []*tracingv3.CustomTag
	if c.verified {
		out = []*tracingv3.CustomTag{formatted("krater.client.principal", "%DOWNSTREAM_PEER_URI_SAN%")}
	}
	for _, field := range []string{"workload", "namespace", "service_account", "version"} {
		out = append(out, formatted("krater.destination."+field, "%UPSTREAM_METADATA("+metadataNamespace+":"+field+")%"))
	}
	return append(out, formatted("krater.destination.principal", "%UPSTREAM_PEER_URI_SAN%"))
}

// certifiedTags are what the certificate itself says.
func certifiedTags(prefix string) []*tracingv3.CustomTag {
	return []*tracingv3.CustomTag{
		formatted(prefix+"principal", state(statePrincipal)),
		formatted(prefix+"namespace", state(stateNamespace)),
		formatted(prefix+"service_account", state(stateAccount)),
	}
}
