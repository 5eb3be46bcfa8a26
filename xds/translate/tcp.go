package translate

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/krater-mesh/krater/model"
)

// inboundTCP guards a port whose requests cannot be seen by its authorization
// slots: connections are marked, allowed or denied, nothing else applies to
// them. Each action is a filter of its own, so a slot. Envoy decides at the
// client's first byte: what a server says before that is heard.
func (p *proxy) inboundTCP(c chain, cluster string, pool *model.ConnectionPool) []*listenerv3.Filter {
	out := []*listenerv3.Filter{p.networkFilters(inbound, c.port, 0)}
	out = append(out, p.customTCP(c)...)
	for _, action := range []model.Action{model.Audit, model.Deny, model.Allow} {
		name := slotName(c.listener, slotAuthorization+"-"+strings.ToLower(string(action)))
		if c.sealed && action == model.Deny && len(p.rego) > 0 {
			p.slot(name, p.refuseAll(c))
		} else {
			p.slot(name, p.networkRBAC(c, action))
		}
		out = append(out, networkSlot(name, &networkrbacv3.RBAC{}))
		if named := p.namedConnections(c, action); named != nil {
			p.slot(name+"-named", named)
			out = append(out, networkSlot(name+"-named", named))
		}
	}
	proxy := tcpProxy(c.listener, []model.Destination{{Weight: 1}}, func(model.Destination) string { return cluster }, model.TrafficPolicy{ConnectionPool: pool})
	proxy.AccessLog = p.connectionLogs(c)
	patchTCP(&p.report, p.patches.of(inbound, patchNetwork), c.place(), proxy)
	p.slot(tcpSlotName(c.listener), proxy)
	return append(out, p.networkFilters(inbound, c.port, 1), tcpSlot(c.listener))
}

// refuseAll refuses connections whose requests were to be decided one by one.
func (p *proxy) refuseAll(c chain) *networkrbacv3.RBAC {
	everything := model.AuthorizationPolicy{Object: model.Ref{Kind: "RegoPolicy", Name: chainTLS}, Rules: []model.AuthorizationRule{{}}}
	return &networkrbacv3.RBAC{StatPrefix: statName(c.listener) + "_", Rules: p.rbacRules([]model.AuthorizationPolicy{everything}, model.Deny, true)}
}

// localTCP opens, for each TCP service, the port of the workload's own address
// where its clients that know no HTTP proxy reach it.
func (p *proxy) localTCP() {
	for _, c := range p.connections.list {
		if c.local == 0 {
			continue
		}
		l := &listenerv3.Listener{
			Name:             c.chain,
			Address:          address(p.w.Address, c.local),
			TrafficDirection: corev3.TrafficDirection_OUTBOUND,
			FilterChains:     []*listenerv3.FilterChain{c.resolve(p.tcpChain(c.chain, c.port), c.names[0])},
		}
		if c.dynamic && c.protocol.IsTLS() && len(c.byName) == 0 {
			p.sniffTLS(l)
		}
		if names := chainsByName(c.byName); len(names) > 0 {
			p.sniffTLS(l)
			for _, s := range c.byName {
				l.FilterChains = append(l.FilterChains, c.resolve(p.tcpChain(s.chain, c.port), c.names[0]))
			}
			l.FilterChainMatcher = asMatcher(orElse(serverNameInput, names, toChain(c.chain)))
		}
		p.out.Listeners = append(p.out.Listeners, l)
	}
}

// tcpInput is what the slot of a filter chain is made of.
type tcpInput struct {
	chain        string
	destinations []model.Destination
	policies     []hostPolicy // of the destinations
	apart        []string     // clusters that have another one for connections
	place        listenerPlace
	patches      patches
}

// tcpPart makes the slot: where connections go, and how.
func tcpPart(in tcpInput) *Part {
	var policy model.TrafficPolicy
	if len(in.destinations) > 0 {
		d := in.destinations[0]
		for _, p := range in.policies {
			if p.host == d.Host {
				policy = p.policy.PolicyFor(d.Subset, d.Port)
			}
		}
	}
	var r report
	proxy := tcpProxy(in.chain, in.destinations, in.cluster, policy)
	patchTCP(&r, in.patches, in.place, proxy)
	return &Part{problems: r.problems, Resources: Resources{Extensions: []*corev3.TypedExtensionConfig{extension(tcpSlotName(in.chain), proxy)}}}
}

// cluster is the one for connections.
func (in tcpInput) cluster(d model.Destination) string {
	if slices.Contains(in.apart, destinationCluster(d)) {
		return ConnectionsCluster(d.Port, d.Subset, d.Host)
	}
	return destinationCluster(d)
}

func tcpSlot(chain string) *listenerv3.Filter {
	return networkSlot(tcpSlotName(chain), &tcpproxyv3.TcpProxy{})
}

// tcpProxy passes connections on to destinations, by their weights. How long
// they may be idle, and what is hashed, is the first one's to say, as in Istio.
func tcpProxy(stat string, to []model.Destination, cluster func(model.Destination) string, t model.TrafficPolicy) *tcpproxyv3.TcpProxy {
	out := &tcpproxyv3.TcpProxy{StatPrefix: statName(stat)}
	switch shares := withShare(to); len(shares) {
	case 0:
		out.ClusterSpecifier = &tcpproxyv3.TcpProxy_Cluster{Cluster: clusterBlackHole}
	case 1:
		out.ClusterSpecifier = &tcpproxyv3.TcpProxy_Cluster{Cluster: cluster(shares[0])}
	default:
		w := &tcpproxyv3.TcpProxy_WeightedCluster{}
		for _, d := range shares {
			w.Clusters = append(w.Clusters, &tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight{Name: cluster(d), Weight: d.Weight})
		}
		out.ClusterSpecifier = &tcpproxyv3.TcpProxy_WeightedClusters{WeightedClusters: w}
	}
	if t.ConnectionPool != nil {
		out.IdleTimeout = optional(t.ConnectionPool.TCPIdleTimeout)
		out.MaxDownstreamConnectionDuration = optional(t.ConnectionPool.MaxConnectionDuration)
	}
	if lb := t.LoadBalancer; lb != nil && lb.HashOn != nil && lb.HashOn.SourceIP {
		out.HashPolicy = []*typev3.HashPolicy{{PolicySpecifier: &typev3.HashPolicy_SourceIp_{SourceIp: &typev3.HashPolicy_SourceIp{}}}}
	}
	if t.Tunnel != nil {
		out.TunnelingConfig = &tcpproxyv3.TcpProxy_TunnelingConfig{Hostname: net.JoinHostPort(t.Tunnel.Host, strconv.Itoa(int(t.Tunnel.Port))), UsePost: t.Tunnel.POST}
	}
	return out
}

// withShare leaves out what gets nothing. A single destination gets all.
func withShare(to []model.Destination) []model.Destination {
	if len(to) == 1 {
		return to
	}
	var out []model.Destination
	for _, d := range to {
		if d.Weight > 0 {
			out = append(out, d)
		}
	}
	return out
}

// toCluster passes connections on to what never changes.
func toCluster(stat, cluster string) *listenerv3.Filter {
	return networkFilter("envoy.filters.network.tcp_proxy", &tcpproxyv3.TcpProxy{
		StatPrefix: statName(stat), ClusterSpecifier: &tcpproxyv3.TcpProxy_Cluster{Cluster: cluster},
	})
}
