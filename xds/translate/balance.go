package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// defaultRingSize is Istio's.
const defaultRingSize = 1024

// balance chooses how endpoints are picked. LEAST_REQUEST is the default.
func (b *clusters) balance(c *clusterv3.Cluster, lb *model.LoadBalancer) {
	c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
	if lb == nil {
		return
	}
	switch lb.Balance {
	case model.RoundRobin:
		c.LbPolicy = clusterv3.Cluster_ROUND_ROBIN
		if lb.Warmup != nil {
			c.LbConfig = &clusterv3.Cluster_RoundRobinLbConfig_{RoundRobinLbConfig: &clusterv3.Cluster_RoundRobinLbConfig{SlowStartConfig: slowStart(*lb.Warmup)}}
		}
	case model.Random:
		c.LbPolicy = clusterv3.Cluster_RANDOM
	case model.RingHash:
		c.LbPolicy = clusterv3.Cluster_RING_HASH
		size := lb.MinimumRingSize
		if size == 0 {
			size = defaultRingSize
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
	default:
		if lb.Warmup != nil {
			c.LbConfig = &clusterv3.Cluster_LeastRequestLbConfig_{LeastRequestLbConfig: &clusterv3.Cluster_LeastRequestLbConfig{SlowStartConfig: slowStart(*lb.Warmup)}}
		}
	}
}

// slowStart lets a new endpoint's share grow.
func slowStart(w model.Warmup) *clusterv3.Cluster_SlowStartConfig {
	out := &clusterv3.Cluster_SlowStartConfig{SlowStartWindow: duration(w.Duration)}
	if w.MinimumPercent != 0 {
		out.MinWeightPercent = &typev3.Percent{Value: w.MinimumPercent}
	}
	if w.Aggression != 0 {
		out.Aggression = &corev3.RuntimeDouble{DefaultValue: w.Aggression, RuntimeKey: "krater.warmup.aggression"}
	}
	return out
}

// places makes a cluster heed the weights that its localities have, or Envoy's
// zones.
func (b *clusters) places(c *clusterv3.Cluster, t model.TrafficPolicy) {
	switch {
	case zoneAware(t):
		z := &clusterv3.Cluster_CommonLbConfig_ZoneAwareLbConfig{RoutingEnabled: &typev3.Percent{Value: 100}}
		if n := t.LoadBalancer.ZoneAware.MinClusterSize; n != nil {
			z.MinClusterSize = wrapperspb.UInt64(uint64(*n))
		}
		c.CommonLbConfig.LocalityConfigSpecifier = &clusterv3.Cluster_CommonLbConfig_ZoneAwareLbConfig_{ZoneAwareLbConfig: z}
	case prefersPlaces(b.mesh, b.caller, t) && c.LbPolicy != clusterv3.Cluster_CLUSTER_PROVIDED:
		c.CommonLbConfig.LocalityConfigSpecifier = &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig_{
			LocalityWeightedLbConfig: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig{},
		}
	}
}
