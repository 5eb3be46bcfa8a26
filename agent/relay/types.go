package relay

import (
	"strings"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// The resource types that the relay treats in ways of their own.
const (
	typeCluster     = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	typeEndpoint    = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	typeExtension   = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
	typeSecret      = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
	typeListener    = "type.googleapis.com/envoy.config.listener.v3.Listener"
	typeRoutes      = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	typeVirtualHost = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
	wildcard        = "*"
)

// order is the one in which types are written down: what is referred to comes
// first. Others come after these.
var order = []string{typeCluster, typeEndpoint, typeExtension, typeSecret, typeListener, typeRoutes, typeVirtualHost}

// wildcardByDefault tells whether a first request without names asks for all.
// For the types that are only ever asked for by name it does not.
func wildcardByDefault(typeURL string) bool {
	switch typeURL {
	case typeEndpoint, typeExtension, typeSecret, typeRoutes, typeVirtualHost:
		return false
	}
	return true
}

// routesOf is the route configuration of a virtual host, by its name.
func routesOf(host string) string { return host[:max(strings.LastIndex(host, "/"), 0)] }

// short is a type URL's last word, for people and file names.
func short(typeURL string) string { return typeURL[strings.LastIndexAny(typeURL, "./")+1:] }

// resources by name.
type resources map[string]*discoveryv3.Resource
