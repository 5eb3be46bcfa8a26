package translate

import (
	"math"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const defaultConnectTimeout = model.Duration(10 * time.Second)

// traffic applies a TrafficPolicy to a cluster, and the mesh's defaults where
// it does not say.
func (b *clusters) traffic(c *clusterv3.Cluster, at clusterPlace, t model.TrafficPolicy) {
	pool := b.pool(t.ConnectionPool)
	c.ConnectTimeout = duration(defaultConnectTimeout)
	if pool.ConnectTimeout != nil {
		c.ConnectTimeout = duration(*pool.ConnectTimeout)
	}
	c.CircuitBreakers = breakers(pool, t.RetryBudget)
	c.UpstreamConnectionOptions = keepalive(pool.Keepalive)
	c.CommonLbConfig = &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: &typev3.Percent{}}
	if port := at.port; port.Protocol.MayBeHTTP() && !at.connections {
		o := protocolOptions(port.Protocol, pool)
		o.OutlierDetection = errorCodes(t.OutlierDetection)
		b.autoSNI(o, t.TLS)
		c.TypedExtensionProtocolOptions = packed(o)
	}
	b.balance(c, t.LoadBalancer)
	b.places(c, t)
	outliers(c, t.OutlierDetection)
	b.transport(c, at, t)
	switch {
	case b.original(at.port, t):
		toOriginal(c)
		b.mutualOriginal(c)
		b.mutualOriginal(c)
	case dynamic(b.service, t):
		toNamed(c)
	}
}

// pool is a connection pool with the mesh's defaults.
func (b *clusters) pool(declared *model.ConnectionPool) model.ConnectionPool {
	pool := model.ConnectionPool{}
	if declared != nil {
		pool = *declared
	}
	if pool.ConnectTimeout == nil {
		pool.ConnectTimeout = b.mesh.ConnectTimeout
	}
	if pool.Keepalive == nil {
		pool.Keepalive = b.mesh.TCPKeepalive
	}
	if b.mesh.UpgradeToHTTP2 && !pool.StayHTTP1 {
		pool.UpgradeToHTTP2 = true
	}
	return pool
}

// breakers bound what goes to a cluster. Envoy's own defaults (1024) are not
// Istio's: there is no bound where none was declared.
func breakers(pool model.ConnectionPool, budget *model.RetryBudget) *clusterv3.CircuitBreakers {
	t := &clusterv3.CircuitBreakers_Thresholds{
		MaxConnections:     atMost(pool.MaxConnections),
		MaxPendingRequests: atMost(pool.MaxPendingRequests),
		MaxRequests:        atMost(pool.MaxRequests),
		MaxRetries:         atMost(pool.MaxRetries),
		TrackRemaining:     true,
	}
	if budget != nil {
		t.RetryBudget = &clusterv3.CircuitBreakers_Thresholds_RetryBudget{
			BudgetPercent:       &typev3.Percent{Value: budget.Percent},
			MinRetryConcurrency: wrapperspb.UInt32(budget.MinConcurrency),
			BudgetInterval:      optional(budget.Interval),
		}
	}
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{t}}
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
