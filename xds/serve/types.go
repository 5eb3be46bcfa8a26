package serve

import "github.com/krater-mesh/krater/model"

// Envoy's resource types that have an order among them. Every other type, the
// ones of model/slice.go among them, is served without regard to the rest.
const (
	TypeCluster             = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	TypeEndpoint            = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	TypeExtensionConfig     = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
	TypeSecret              = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
	TypeListener            = "type.googleapis.com/envoy.config.listener.v3.Listener"
	TypeRouteConfiguration  = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	TypeVirtualHost         = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
	typeURLPrefix           = "type.googleapis.com/"
	wildcard                = "*"
	virtualHostSeparator    = "/"
	maxResponseBytes        = 16 << 20
	maxDetailBytes          = 4 << 10
	maxCausesBetweenSettles = 64
)

// additionOrder is the order in which new and changed resources are sent: what
// is referred to comes before what refers to it.
var additionOrder = []string{
	TypeCluster, TypeEndpoint, model.TypeFilterSecrets, TypeExtensionConfig, TypeSecret, TypeListener, TypeRouteConfiguration, TypeVirtualHost,
}

// waits tells whether additions of a type wait for the types before it.
// Endpoints and secrets do not: Envoy withholds the acknowledgement of clusters
// until they are warm, for which it needs both. What filters take of Secrets is
// the agent's, and does not wait for Envoy.
func waits(typeURL string) bool {
	return ordered(typeURL) && typeURL != TypeEndpoint && typeURL != TypeSecret && typeURL != model.TypeFilterSecrets
}

// exclusive tells whether resources of a type may exclude one another, virtual
// hosts by a domain and listeners by an address. Nothing refers to them, so
// additions and removals go in one response; and one that was refused is tried
// again when another has changed.
func exclusive(typeURL string) bool {
	return typeURL == TypeVirtualHost || typeURL == TypeListener
}

// alone tells whether resources of a type are sent one in a response. Envoy
// notes a filter's configuration before it makes the filter: sent again after
// a refusal, the same bytes are taken for no change, and acknowledged. So it
// must be known from the first refusal which resource was meant.
func alone(typeURL string) bool { return typeURL == TypeExtensionConfig }

// droppedByProxy tells whether a resource of the type is left to the proxy to
// drop, by unsubscribing, when the last listener that uses it has drained.
// Taken away earlier, a filter slot would fail the requests of a draining
// listener; a route configuration's removal Envoy ignores.
func droppedByProxy(typeURL string) bool {
	return typeURL == TypeExtensionConfig || typeURL == TypeRouteConfiguration
}

// removalOrder is the order in which resources are taken away: what refers
// goes before what it referred to.
var removalOrder = []string{
	TypeVirtualHost, TypeListener, TypeRouteConfiguration, TypeExtensionConfig, TypeCluster, TypeEndpoint, TypeSecret, model.TypeFilterSecrets,
}

// referrers tells, for a type, which types' resources may refer to it. It is
// removed only when none of them has anything unsent, unacknowledged or
// refused: a refused resource's last good version may still need it.
var referrers = map[string][]string{
	TypeCluster:            {TypeListener, TypeRouteConfiguration, TypeVirtualHost, TypeExtensionConfig},
	TypeEndpoint:           {TypeCluster},
	TypeExtensionConfig:    {TypeListener, TypeRouteConfiguration, TypeVirtualHost},
	TypeSecret:             {TypeCluster, TypeListener, TypeExtensionConfig},
	TypeRouteConfiguration: {TypeListener},
}

// wildcardByDefault tells whether a first request without names asks for all
// resources. For the types that are only ever asked for by name it asks for
// none: an Envoy that has dropped its last such name says just that when it
// reconnects.
func wildcardByDefault(typeURL string) bool {
	switch typeURL {
	case TypeEndpoint, TypeExtensionConfig, TypeSecret, TypeRouteConfiguration, TypeVirtualHost:
		return false
	}
	return true
}
