package translate

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// The filter chains of a served port. One that stays in force through an edit
// of PeerAuthentication is the same chain, to the byte, so that its
// connections stay.
const (
	chainMTLS      = "mtls"       // TLS with the mesh's ALPN: mutual TLS
	chainMTLSHTTP  = "mtls-http"  // where requests are recognized: those of them
	chainAnyMTLS   = "any-mtls"   // STRICT: all other TLS must be mutual, too
	chainTLS       = "tls"        // else: TLS of the application's own, passed on unseen
	chainPlain     = "plain"      // plain text
	chainPlainHTTP = "plain-http" // where requests are recognized: those of it
	chainOwnTLS    = "own-tls"    // TLS as a Sidecar declares it
)

const transportTLS, transportPlain = "tls", "raw_buffer"

// inboundChains are the filter chains of a port that accepts what the mode
// says. Each has a match of its transport and its ALPN, to which a listener of
// many ports adds the port. listener is what names begin with.
func (p *proxy) inboundChains(listener string, port servedPort, mode model.MTLSMode) []*listenerv3.FilterChain {
	b := &chainsOf{proxy: p, port: port, listener: listener}
	if mode != model.MTLSDisable {
		b.mutual(mode == model.MTLSStrict)
	}
	if mode != model.MTLSStrict {
		b.open(inspected(port, mode))
	} else if port.tls != nil {
		p.problem(model.Warning, model.CodeUnused, p.sidecar.Object, port.field+".tls",
			fmt.Sprintf("port %d of %s takes the mesh's mutual TLS only (PeerAuthentication STRICT): its own TLS is never spoken", port.number, p.w.ID()),
			"set the port's portLevelMtls to DISABLE, or leave tls out")
	}
	return b.out
}

// inspected tells whether a port's first bytes are looked at for TLS. Where
// only plain text comes, and the server may speak first, they are not.
func inspected(port servedPort, mode model.MTLSMode) bool {
	return mode != model.MTLSDisable || port.tls != nil || port.protocol != model.TCP
}

// chainsOf are a port's chains under way.
type chainsOf struct {
	*proxy
	port     servedPort
	listener string
	out      []*listenerv3.FilterChain
}

// mutual adds the chains of mutual TLS; any: for all TLS that comes.
func (b *chainsOf) mutual(any bool) {
	switch {
	case b.port.protocol == model.Auto:
		b.add(chainMTLSHTTP, transportTLS, meshHTTP, b.seen(true))
		b.add(chainMTLS, transportTLS, []string{alpnMesh}, b.unseen())
		if any {
			b.add(chainAnyMTLS+"-http", transportTLS, httpALPN, b.seen(true))
			b.add(chainAnyMTLS, transportTLS, nil, b.unseen())
		}
	case b.port.protocol.IsHTTP():
		b.add(chainMTLS, transportTLS, meshALPN, b.seen(true))
		if any {
			b.add(chainAnyMTLS, transportTLS, nil, b.seen(true))
		}
	default:
		b.add(chainMTLS, transportTLS, meshALPN, b.unseen())
		if any {
			b.add(chainAnyMTLS, transportTLS, nil, b.unseen())
		}
	}
	alpn := httpALPN
	if !b.port.protocol.MayBeHTTP() {
		alpn = nil
	}
	for _, c := range b.out {
		c.TransportSocket = acceptMutual(b.mesh, alpn)
		c.Filters = append([]*listenerv3.Filter{certifiedSource()}, c.Filters...)
	}
}

// open adds the chains of what shows no certificate of the mesh.
func (b *chainsOf) open(inspected bool) {
	if b.port.tls != nil {
		own := b.add(chainOwnTLS, transportTLS, nil, b.decrypted())
		own.TransportSocket = b.decrypt(b.port.tls, b.port.protocol.IsHTTP())
		return
	}
	if inspected {
		b.add(chainTLS, transportTLS, nil, b.unseen())
	}
	switch {
	case b.port.protocol == model.Auto:
		b.add(chainPlainHTTP, transportPlain, applicationProtocols, b.seen(false))
		b.add(chainPlain, transportPlain, nil, b.unseen())
	case b.port.protocol.IsHTTP():
		b.add(chainPlain, transportPlain, nil, b.seen(false))
	default:
		b.add(chainPlain, transportPlain, nil, b.unseen())
	}
}

func (b *chainsOf) add(name, transport string, alpn []string, filters []*listenerv3.Filter) *listenerv3.FilterChain {
	c := &listenerv3.FilterChain{Name: b.listener + "|" + name, Filters: filters,
		FilterChainMatch: &listenerv3.FilterChainMatch{TransportProtocol: transport, ApplicationProtocols: alpn}}
	b.out = append(b.out, c)
	return c
}

// seen is the chain of requests.
func (b *chainsOf) seen(mtls bool) []*listenerv3.Filter {
	c := chain{listener: b.listener, direction: inbound, port: b.port.number, mtls: mtls, tls: mtls || b.port.tls != nil}
	return b.managed(c, b.inboundRoutes(b.port))
}

// unseen is the chain of connections that are passed on. Where the port is for
// requests, what it passes on is another thing than the port, with slots of
// its own.
func (b *chainsOf) unseen() []*listenerv3.Filter {
	c := chain{listener: b.listener, direction: inbound, port: b.port.number, sealed: b.port.protocol.IsHTTP()}
	if b.port.protocol.MayBeHTTP() {
		c.listener += "|" + chainOther
	}
	return b.inboundTCP(c, b.port.cluster(), b.port.pool)
}

// decrypted is the chain of TLS that a Sidecar ends.
func (b *chainsOf) decrypted() []*listenerv3.Filter {
	if b.port.protocol.IsHTTP() {
		return b.seen(false)
	}
	return b.unseen()
}

// httpALPN is what a server of requests speaks.
var httpALPN = []string{"h2", "http/1.1"}

// tlsSocket is a TLS transport with a context.
func tlsSocket(context *anypb.Any) *corev3.TransportSocket {
	return &corev3.TransportSocket{Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: context}}
}
