package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	dfpclusterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dynamic_forward_proxy/v3"
	dnscachev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/dynamic_forward_proxy/v3"
	dfpfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/dynamic_forward_proxy/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/krater-mesh/krater/model"
)

// An explicit proxy has no original destination: where a caller meant to go is
// the name and port that it asked for. So what goes there with redirect goes
// by dynamic forward proxy here: the name of each request is resolved.

// dnsCache is one for the whole proxy: Envoy wants equal settings under one
// name.
func dnsCache() *dnscachev3.DnsCacheConfig {
	return &dnscachev3.DnsCacheConfig{
		Name:            "krater",
		DnsLookupFamily: clusterv3.Cluster_V4_PREFERRED,
		DnsRefreshRate:  durationpb.New(30e9),
	}
}

// dynamicForward is the HTTP filter that resolves names for dynamic clusters,
// and does nothing for others.
func dynamicForward() *hcmv3.HttpFilter {
	return fixed("envoy.filters.http.dynamic_forward_proxy", pack(&dfpfilterv3.FilterConfig{
		ImplementationSpecifier: &dfpfilterv3.FilterConfig_DnsCacheConfig{DnsCacheConfig: dnsCache()},
	}))
}

// toNamed makes a cluster go where each request or connection says.
func toNamed(c *clusterv3.Cluster) {
	c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.clusters.dynamic_forward_proxy",
		TypedConfig: pack(&dfpclusterv3.ClusterConfig{
			ClusterImplementationSpecifier: &dfpclusterv3.ClusterConfig_DnsCacheConfig{DnsCacheConfig: dnsCache()},
			// Envoy asks for automatic SNI and SAN checks else, also where there is
			// no TLS; where there is, transport says what is checked.
			AllowInsecureClusterOptions: true,
		}),
	}}
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	c.LbConfig = nil
}

// dynamic tells whether a service's calls go where their caller says.
func dynamic(s *model.Service, t model.TrafficPolicy) bool {
	return s.Resolution == model.ResolutionNone || s.Resolution == model.ResolutionDynamicDNS ||
		t.LoadBalancer != nil && t.LoadBalancer.Balance == model.Passthrough
}

// passthrough is where calls to unknown hosts go that the mesh lets pass: where
// they were going or, by an explicit proxy, to the name that they ask for.
func passthrough(mesh *model.Mesh, redirect bool) *clusterv3.Cluster {
	return passthroughTo(mesh, clusterPassthrough, redirect)
}

// dynamicPassthrough is where redirected requests to unknown hosts go that the
// mesh lets pass by their names.
func dynamicPassthrough(mesh *model.Mesh) *clusterv3.Cluster {
	return passthroughTo(mesh, clusterDynamicPassthrough, false)
}

func passthroughTo(mesh *model.Mesh, name string, redirect bool) *clusterv3.Cluster {
	b := &clusters{clusterInput: clusterInput{mesh: mesh, service: &model.Service{Resolution: model.ResolutionNone}, redirect: redirect}}
	c := &clusterv3.Cluster{Name: name, UpstreamBindConfig: anySource()}
	b.traffic(c, clusterPlace{port: model.Port{Protocol: model.HTTP}}, model.TrafficPolicy{ConnectionPool: &model.ConnectionPool{UseClientProtocol: true}})
	return c
}
