package agent

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/bootstrap/internal_listener/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// AdminPort is the port of Envoy's admin page, on the workload's address where
// that is of this machine only, else on 127.0.0.1.
const AdminPort = 15000

// The clusters every proxy has from its start.
const (
	ControlPlaneCluster = "krater-controlplane" // delta ADS
	PolicydCluster      = "krater-policyd"      // ext_authz
	OTLPCluster         = "krater-otlp"         // spans and stats
	ALSCluster          = "krater-als"          // access logs
	SDSCluster          = "krater-sds"          // certificates, from the agent
	// LocalCluster is the workload's own service, by which Envoy knows what
	// share of its callers stands in which zone.
	LocalCluster = "krater-local"
)

// Upstreams are where Krater's parts listen: "unix:PATH" or "host:port".
// Without a control plane the proxy has its static resources only.
type Upstreams struct {
	ControlPlane, Policyd, OTLP, ALS, SDS string
	// TrustDomain is the mesh's: the daemons on other machines are known by
	// their identities in it.
	TrustDomain string
}

// Bootstrap is what Envoy starts with: its name, its admin page, the static
// clusters of Krater's parts, and delta ADS for everything else.
func Bootstrap(p Proxy, u Upstreams) (*bootstrapv3.Bootstrap, error) {
	b := &bootstrapv3.Bootstrap{
		Node:               p.node(),
		ClusterManager:     &bootstrapv3.ClusterManager{UpstreamBindConfig: source(p.Address)},
		Admin:              &bootstrapv3.Admin{Address: socketAddress(p.adminAddress(), AdminPort)},
		StaticResources:    &bootstrapv3.Bootstrap_StaticResources{},
		StatsFlushInterval: durationpb.New(time.Second),
		Watchdogs:          watchdogs(),
	}
	runtime, err := runtimeLayer()
	if err != nil {
		return nil, fmt.Errorf("bootstrap of %s: %w", p.ID, err)
	}
	b.LayeredRuntime = runtime
	for _, c := range []struct{ name, target string }{
		{ControlPlaneCluster, u.ControlPlane}, {PolicydCluster, u.Policyd}, {OTLPCluster, u.OTLP}, {ALSCluster, u.ALS}, {SDSCluster, u.SDS},
	} {
		if c.target == "" {
			continue
		}
		cluster, err := grpcCluster(c.name, c.target)
		if err != nil {
			return nil, err
		}
		if cluster.TransportSocket, err = u.secured(c.name, c.target); err != nil {
			return nil, err
		}
		b.StaticResources.Clusters = append(b.StaticResources.Clusters, cluster)
	}
	if u.ControlPlane != "" {
		b.DynamicResources = dynamicResources()
	}
	if u.ControlPlane != "" && p.Locality != "" {
		b.StaticResources.Clusters = append(b.StaticResources.Clusters, localCluster())
		b.ClusterManager.LocalClusterName = LocalCluster
	}
	if u.OTLP != "" {
		sink, err := statsSink(p)
		if err != nil {
			return nil, fmt.Errorf("bootstrap of %s: %w", p.ID, err)
		}
		b.StatsSinks = append(b.StatsSinks, sink)
		b.StatsConfig = statsConfig()
	}
	internal, err := extension("envoy.bootstrap.internal_listener", &internalv3.InternalListener{})
	if err != nil {
		return nil, fmt.Errorf("bootstrap of %s: %w", p.ID, err)
	}
	b.BootstrapExtensions = append(b.BootstrapExtensions, internal)
	return b, nil
}

// MarshalBootstrap gives the JSON that `envoy -c` reads.
func MarshalBootstrap(b *bootstrapv3.Bootstrap) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, Multiline: true}.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("writing the bootstrap of %s: %w", b.GetNode().GetId(), err)
	}
	return text, nil
}

// source has calls leave from the workload's own address where that is a
// loopback one: its peers know it by that. A cluster that reaches out of the
// machine says otherwise. It stands here, not in clusters, so that proxies can
// share those.
func source(address string) *corev3.BindConfig {
	a, err := netip.ParseAddr(address)
	if err != nil || !a.IsLoopback() {
		return nil
	}
	return &corev3.BindConfig{SourceAddress: &corev3.SocketAddress{
		Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 0},
	}}
}

func dynamicResources() *bootstrapv3.Bootstrap_DynamicResources {
	ads := &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		InitialFetchTimeout:   durationpb.New(0), // wait: a proxy without its configuration must not serve
	}
	return &bootstrapv3.Bootstrap_DynamicResources{
		CdsConfig: ads,
		LdsConfig: proto.Clone(ads).(*corev3.ConfigSource),
		AdsConfig: &corev3.ApiConfigSource{
			ApiType:                   corev3.ApiConfigSource_DELTA_GRPC,
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: ControlPlaneCluster},
			}}},
		},
	}
}

func localCluster() *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 LocalCluster,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		}},
		ConnectTimeout: durationpb.New(time.Second),
	}
}

// grpcCluster is a static HTTP/2 cluster of one endpoint.
func grpcCluster(name, target string) (*clusterv3.Cluster, error) {
	address, err := targetAddress(target)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	http2, err := anypb.New(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
				},
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(time.Second),
		UpstreamBindConfig:   &corev3.BindConfig{},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2,
		},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address}},
			}}}},
		},
	}, nil
}

func targetAddress(target string) (*corev3.Address, error) {
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}, nil
	}
	host, port, err := splitHostPort(target)
	if err != nil {
		return nil, err
	}
	return socketAddress(host, port), nil
}

func socketAddress(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}
