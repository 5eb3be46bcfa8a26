package translate

import (
	"fmt"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Names that the bootstrap, the daemons and explanations share with us.
const (
	clusterPolicyd  = "krater-policyd"
	clusterOTLP     = "krater-otlp"
	clusterALS      = "krater-als"
	clusterInternal = "internal-outbound"
	// clusterInternalTCP leads to where nothing is sniffed.
	clusterInternalTCP = "internal-outbound-tcp"
	clusterBlackHole   = "BlackHoleCluster"
	// clusterPassthrough is where calls to unknown hosts go, under ALLOW_ANY.
	clusterPassthrough = "PassthroughCluster"
	// clusterDynamicPassthrough is where redirected requests to unknown hosts
	// go under ALLOW_ANY_DYNAMIC_DNS.
	clusterDynamicPassthrough = "DynamicPassthroughCluster"

	listenerOutbound = "outbound"
	listenerInternal = "outbound-internal"
	// listenerInternalTCP takes the inside of tunnels to TCP ports.
	listenerInternalTCP = "outbound-internal-tcp"

	// OutboundPort is where a sidecar's explicit HTTP proxy listens, on its
	// workload's address.
	OutboundPort = 15001

	metadataNamespace = "krater"
	stateAuthority    = "krater.authority"  // where a CONNECT goes
	statePolicySet    = "krater.policy_set" // version of the authorization slot
	stateLimit        = "krater.limit"      // the last limit that was asked

	// RouteDefault is %ROUTE_NAME% where no route table applies.
	RouteDefault = "default"
	// RouteBlockAll is %ROUTE_NAME% of a call to an unknown host: 502.
	RouteBlockAll = "block_all"
	// RouteAllowAny is %ROUTE_NAME% of a call to an unknown host that passes.
	RouteAllowAny = "allow_any"
	// RouteConnect is %ROUTE_NAME% of a CONNECT to a known host: what is
	// inside it is routed on its own.
	RouteConnect = "connect"
)

// RouteName is what %ROUTE_NAME% shows for a route of a table:
// "namespace/table/route". A route that a delegate declares has the delegate's
// name for the table's.
func RouteName(t *model.RouteTable, r model.HTTPRoute) string {
	if r.From != nil {
		return r.From.Key() + "/" + r.Name
	}
	return t.Object.Key() + "/" + r.Name
}

// ClusterName is the name of a service port's cluster.
func ClusterName(port uint32, subset, host string) string {
	return fmt.Sprintf("outbound|%d|%s|%s", port, subset, host)
}

// ConnectionsCluster is the one by which connections are passed on, of a port
// whose requests have one of their own.
func ConnectionsCluster(port uint32, subset, host string) string {
	return ClusterName(port, subset, host) + connectionsSuffix
}

const connectionsSuffix = "|connections"

func inboundCluster(port uint32) string { return fmt.Sprintf("inbound|%d||", port) }

func inboundListener(address string, port uint32) string {
	return fmt.Sprintf("inbound|%s|%d", address, port)
}

func tcpListener(port uint32, host string) string { return fmt.Sprintf("outbound|%d|%s", port, host) }

func egressListener(bind string, port uint32) string {
	return fmt.Sprintf("egress|%s|%d", bind, port)
}

func gatewayListener(port uint32) string { return fmt.Sprintf("gateway|%d", port) }

// virtualHostName is also the resource's name: Envoy removes by it.
func virtualHostName(routes, host string, port uint32) string {
	return fmt.Sprintf("%s/%s:%d", routes, host, port)
}

// statName makes a stat prefix of a name: dots and pipes have a meaning there.
func statName(name string) string {
	return strings.NewReplacer("|", "_", ".", "_", ":", "_", "/", "_").Replace(name)
}
