package translate

import (
	"math"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const (
	defaultConnectTimeout = model.Duration(10 * time.Second)
	httpProtocolOptions   = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
)

// traffic applies a TrafficPolicy to a cluster.
func (b *clusters) traffic(c *clusterv3.Cluster, port model.Port, t model.TrafficPolicy) {
	pool := model.ConnectionPool{}
	if t.ConnectionPool != nil {
		pool = *t.ConnectionPool
	}
	c.ConnectTimeout = duration(defaultConnectTimeout)
	if pool.ConnectTimeout != nil {
		c.ConnectTimeout = duration(*pool.ConnectTimeout)
	}
	c.CircuitBreakers = breakers(pool)
	c.UpstreamConnectionOptions = keepalive(pool.Keepalive)
	c.CommonLbConfig = &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: &typev3.Percent{}}
	if port.Protocol.IsHTTP() {
		c.TypedExtensionProtocolOptions = protocolOptions(port.Protocol, pool)
	}
	b.balance(c, t.LoadBalancer)
	outliers(c, t.OutlierDetection)
}

// balance chooses how endpoints are picked. LEAST_REQUEST is the default.
func (b *clusters) balance(c *clusterv3.Cluster, lb *model.LoadBalancer) {
	c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
	if lb == nil {
		return
	}
	switch lb.Balance {
	case model.RoundRobin:
		c.LbPolicy = clusterv3.Cluster_ROUND_ROBIN
	case model.Random:
		c.LbPolicy = clusterv3.Cluster_RANDOM
	case model.RingHash:
		c.LbPolicy = clusterv3.Cluster_RING_HASH
		size := lb.MinimumRingSize
		if size == 0 {
			size = 1024
		}
		c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
			MinimumRingSize: wrapperspb.UInt64(size),
		}}
	case model.Maglev:
		c.LbPolicy = clusterv3.Cluster_MAGLEV
		if lb.TableSize != 0 {
			c.LbConfig = &clusterv3.Cluster_MaglevLbConfig_{MaglevLbConfig: &clusterv3.Cluster_MaglevLbConfig{
				TableSize: wrapperspb.UInt64(lb.TableSize),
			}}
		}
	case model.Passthrough:
		b.notSupported(b.policy.Object, "spec.trafficPolicy.loadBalancer.simple",
			"PASSTHROUGH needs the address that the client meant, which an explicit proxy does not know; LEAST_REQUEST is used",
			"choose LEAST_REQUEST, ROUND_ROBIN or RANDOM")
	}
}

// breakers bound what goes to a cluster. Envoy's own defaults (1024) are not
// Istio's: there is no bound where none was declared.
func breakers(pool model.ConnectionPool) *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		MaxConnections:     atMost(pool.MaxConnections),
		MaxPendingRequests: atMost(pool.MaxPendingRequests),
		MaxRequests:        atMost(pool.MaxRequests),
		MaxRetries:         atMost(pool.MaxRetries),
		TrackRemaining:     true,
	}}}
}

func keepalive(k *model.TCPKeepalive) *clusterv3.UpstreamConnectionOptions {
	if k == nil {
		return nil
	}
	out := &corev3.TcpKeepalive{KeepaliveProbes: count(k.Probes)}
	if k.Time != nil {
		out.KeepaliveTime = wrapperspb.UInt32(wholeSeconds(*k.Time))
	}
	if k.Interval != nil {
		out.KeepaliveInterval = wrapperspb.UInt32(wholeSeconds(*k.Interval))
	}
	return &clusterv3.UpstreamConnectionOptions{TcpKeepalive: out}
}

func wholeSeconds(d model.Duration) uint32 {
	return uint32(max(1, math.Round(d.Std().Seconds())))
}

// protocolOptions says which HTTP is spoken to a cluster, and how its
// connections are kept.
func protocolOptions(protocol model.Protocol, pool model.ConnectionPool) map[string]*anypb.Any {
	o := &httpv3.HttpProtocolOptions{CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
		IdleTimeout:              optional(pool.HTTPIdleTimeout),
		MaxConnectionDuration:    optional(pool.MaxConnectionDuration),
		MaxRequestsPerConnection: count(pool.MaxRequestsPerConnection),
	}}
	h2 := &corev3.Http2ProtocolOptions{MaxConcurrentStreams: count(pool.MaxConcurrentStreams)}
	switch {
	case pool.UseClientProtocol:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_UseDownstreamProtocolConfig{
			UseDownstreamProtocolConfig: &httpv3.HttpProtocolOptions_UseDownstreamHttpConfig{
				HttpProtocolOptions: &corev3.Http1ProtocolOptions{}, Http2ProtocolOptions: h2,
			},
		}
	case protocol.IsHTTP2() || pool.UpgradeToHTTP2:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: h2},
			},
		}
	default:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
					HttpProtocolOptions: &corev3.Http1ProtocolOptions{},
				},
			},
		}
	}
	return map[string]*anypb.Any{httpProtocolOptions: pack(o)}
}

// outliers takes failing endpoints out. What is not counted is not enforced.
func outliers(c *clusterv3.Cluster, o *model.OutlierDetection) {
	if o == nil {
		return
	}
	out := &clusterv3.OutlierDetection{
		Interval:                       optional(o.Interval),
		BaseEjectionTime:               optional(o.BaseEjectionTime),
		MaxEjectionPercent:             count(o.MaxEjectionPercent),
		SplitExternalLocalOriginErrors: o.SplitExternalAndLocal,
		EnforcingSuccessRate:           wrapperspb.UInt32(0),
	}
	out.Consecutive_5Xx, out.EnforcingConsecutive_5Xx = enforced(o.Consecutive5xx)
	out.ConsecutiveGatewayFailure, out.EnforcingConsecutiveGatewayFailure = enforced(o.ConsecutiveGateway)
	if o.SplitExternalAndLocal {
		out.ConsecutiveLocalOriginFailure, out.EnforcingConsecutiveLocalOriginFailure = enforced(o.ConsecutiveLocal)
		out.EnforcingLocalOriginSuccessRate = wrapperspb.UInt32(0)
	}
	c.OutlierDetection = out
	c.CommonLbConfig.HealthyPanicThreshold = &typev3.Percent{Value: float64(o.MinHealthPercent)}
}

func enforced(n *uint32) (consecutive, percent *wrapperspb.UInt32Value) {
	if n == nil || *n == 0 {
		return nil, wrapperspb.UInt32(0)
	}
	return wrapperspb.UInt32(*n), wrapperspb.UInt32(100)
}
