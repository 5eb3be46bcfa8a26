package translate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
)

// What an endpoint's metadata says of its transport, and clusters match with.
const (
	matchNamespace = "envoy.transport_socket_match"
	matchKey       = "tlsMode"
	matchMutual    = "istio"
)

// mutuality is how far calls to a port are mutual TLS of the mesh.
type mutuality int

const (
	notMutual  mutuality = iota
	autoMutual           // to the endpoints that take it
	allMutual            // ISTIO_MUTUAL: to every endpoint
)

// mutualOf follows from the destination's policy, else from the mesh's
// setting. Nothing outside of the mesh, and nothing found by the name that a
// caller asks for, has an identity that we know.
func mutualOf(m *model.Mesh, noIdentity bool, s *model.Service, t model.TrafficPolicy) mutuality {
	switch {
	case noIdentity || dynamic(s, t):
		return notMutual
	case t.TLS != nil && t.TLS.Mode == model.TLSIstioMutual:
		return allMutual
	case t.TLS != nil || m.NoAutoMTLS || s.External:
		return notMutual
	}
	return autoMutual
}

// mutual gives a cluster its transport of mutual TLS, where it has one.
func (b *clusters) mutual(c *clusterv3.Cluster, at clusterPlace, t model.TrafficPolicy) {
	how := mutualOf(b.mesh, b.noIdentity, b.service, t)
	if how == notMutual {
		return
	}
	socket := tlsSocket(pack(b.mutualContext(at, t, how)))
	if t.ProxyProtocol != "" {
		socket = withProxyProtocol(socket, t.ProxyProtocol)
	}
	b.tellsPeers(c, how)
	if how == allMutual {
		c.TransportSocket = socket
		return
	}
	c.TransportSocketMatches = []*clusterv3.Cluster_TransportSocketMatch{{
		Name:            "mutual",
		Match:           &structpb.Struct{Fields: map[string]*structpb.Value{matchKey: structpb.NewStringValue(matchMutual)}},
		TransportSocket: socket,
	}}
}

func (b *clusters) mutualContext(at clusterPlace, t model.TrafficPolicy, how mutuality) *tlsv3.UpstreamTlsContext {
	common := mutualContext(b.mesh)
	common.AlpnProtocols = offered(at, b.pool(t.ConnectionPool))
	names := b.identities(t.TLS)
	if len(names) == 0 && how == autoMutual {
		names = []string{noIdentityAtAll} // an endpoint that comes before its identity waits for it
	}
	common.ValidationContextType = checkedByMesh(names)
	out := &tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: serverNameOf(at.port.Number, at.subset, b.service.Host)}
	if t.TLS != nil && t.TLS.SNI != "" {
		out.Sni = t.TLS.SNI
	}
	return out
}

// noIdentityAtAll is one that no authority gives.
const noIdentityAtAll = "spiffe://nobody"

// offered are the ALPN names that a call offers: those of the mesh first, by
// which it is told what comes, then the HTTP that is spoken. Where that follows
// from each client, the server sees it from the first bytes.
func offered(at clusterPlace, pool model.ConnectionPool) []string {
	p := at.port.Protocol
	switch {
	case at.connections || !p.MayBeHTTP():
		return []string{alpnMesh}
	case p == model.Auto || pool.UseClientProtocol:
		return []string{alpnHTTP11, alpnMesh}
	case p.IsHTTP2() || pool.UpgradeToHTTP2:
		return []string{alpnHTTP2, alpnMesh, "h2"}
	}
	return []string{alpnHTTP11, alpnMesh, "http/1.1"}
}

// identities are those of which the server must have one: as declared, else
// those of the accounts that its endpoints run as, by each name of the trust
// domain.
func (b *clusters) identities(t *model.ClientTLS) []string {
	switch {
	case t != nil && len(t.SubjectAltNames) > 0:
		return t.SubjectAltNames
	case len(b.service.SubjectAltNames) > 0:
		return b.service.SubjectAltNames
	}
	var out []string
	for _, account := range b.accounts {
		for _, domain := range append([]string{b.mesh.TrustDomain}, b.mesh.TrustDomainAliases...) {
			out = append(out, model.Identity{TrustDomain: domain, Namespace: account.namespace, ServiceAccount: account.name}.String())
		}
	}
	return out
}

// account is a service account.
type account struct{ namespace, name string }

// accounts are those of a service that is called by mutual TLS.
func (r *round) accounts(c callee, found *model.ServiceEndpoints) []account {
	most := notMutual
	for _, port := range c.service.Ports {
		for _, sub := range subsets(c.policy) {
			most = max(most, mutualOf(r.mesh, r.opt.NoIdentity, c.service, c.policy.PolicyFor(subsetName(sub), port.Number)))
		}
	}
	if most == notMutual {
		return nil
	}
	return accountsOf(c.service, found, most == allMutual)
}

// accountsOf are those that a service's endpoints run as, sorted: one more
// endpoint of an account is no other cluster. all: also those that were not
// asked whether they take mutual TLS.
func accountsOf(s *model.Service, eps *model.ServiceEndpoints, all bool) []account {
	if eps == nil {
		return nil
	}
	found := map[account]bool{}
	for _, e := range eps.Endpoints {
		if known := e.Workload != "" || e.ServiceAccount != ""; !e.MTLS && !(all && known) {
			continue
		}
		namespace, _ := model.ParseKey(e.Workload, s.Namespace)
		if e.Workload == "" {
			namespace = s.Namespace
		}
		name := e.ServiceAccount
		if name == "" {
			name = model.DefaultServiceAccount
		}
		found[account{namespace, name}] = true
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b account) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	})
}

// serverNameOf is the SNI of calls within the mesh. By it a gateway of
// AUTO_PASSTHROUGH knows where they go.
func serverNameOf(port uint32, subset, host string) string {
	return fmt.Sprintf("outbound_.%d_.%s_.%s", port, subset, host)
}

// takesMutual tells whether an endpoint takes mutual TLS on a port.
func takesMutual(e model.Endpoint, port model.Port) bool {
	return e.MTLS && !slices.Contains(e.PlainPorts, e.PortFor(port))
}

// matchable adds to an endpoint's metadata what clusters choose its transport by.
func matchable(m *corev3.Metadata, e model.Endpoint, port model.Port) *corev3.Metadata {
	if !takesMutual(e, port) {
		return m
	}
	if m == nil {
		m = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{}}
	}
	m.FilterMetadata[matchNamespace] = &structpb.Struct{Fields: map[string]*structpb.Value{matchKey: structpb.NewStringValue(matchMutual)}}
	return m
}
