package crds

import (
	"net/netip"
	"path"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertGateway(c *conversion) Content {
	in := &networking.Gateway{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.Gateway{Object: c.object.Ref, Selector: c.selector(in.GetSelector(), "spec.selector")}
	out.Selector.Namespace = "" // Istio's gateways select in every namespace
	if len(in.GetSelector()) == 0 {
		c.missing("spec.selector", "a gateway selects the workloads that open its ports")
	}
	if len(in.GetServers()) == 0 {
		c.missing("spec.servers", "a gateway has at least one server")
	}
	words := map[string]bool{}
	for i, s := range in.GetServers() {
		at := index("spec.servers", i)
		name := s.GetPort().GetName()
		if words[name] && name != "" {
			c.bad(at+".port.name", "the name %s is given twice", name)
		}
		words[name] = true
		out.Servers = append(out.Servers, c.gatewayServer(s, at))
	}
	return Content{Gateway: out}
}

func (c *conversion) gatewayServer(s *networking.Server, at string) model.GatewayServer {
	g := model.GatewayServer{Name: s.GetName(), Port: s.GetPort().GetNumber(), Bind: c.bind(s.GetBind(), at+".bind")}
	switch {
	case s.GetPort() == nil:
		c.missing(at+".port", "a server has a port")
	case !strings.HasPrefix(g.Bind, unixPrefix):
		c.port(g.Port, at+".port.number")
	case g.Port != 0:
		c.bad(at+".port.number", "a server on a unix socket has the port 0")
	}
	if s.GetPort() != nil {
		if s.GetPort().GetName() == "" {
			c.missing(at+".port.name", "a port has a name")
		}
		g.Protocol = c.serverProtocol(s.GetPort().GetProtocol(), at+".port.protocol")
	}
	if len(s.GetHosts()) == 0 {
		c.missing(at+".hosts", "a server has at least one host")
	}
	for j, h := range s.GetHosts() {
		ns, host := c.gatewayHost(h, index(at+".hosts", j))
		g.Hosts, g.Namespaces = append(g.Hosts, host), append(g.Namespaces, ns)
	}
	if s.GetDefaultEndpoint() != "" {
		c.ignore(at+".defaultEndpoint", "a gateway sends nowhere without a route: it has no effect, as in Istio")
	}
	c.gatewayTLS(s.GetTls(), &g, at)
	return g
}

// gatewayTLS holds a server's TLS settings against its protocol.
func (c *conversion) gatewayTLS(t *networking.ServerTLSSettings, g *model.GatewayServer, at string) {
	switch {
	case g.Protocol.IsTLS() && t == nil:
		c.missing(at+".tls", "a server of protocol %s has TLS settings", g.Protocol)
	case g.Protocol.IsTLS():
		if t.GetHttpsRedirect() {
			c.warn(at+".tls.httpsRedirect", "only a plain text HTTP server redirects to HTTPS: it has no effect here")
		}
		if t.GetMode() == networking.ServerTLSSettings_AUTO_PASSTHROUGH && g.Protocol != model.TLS {
			c.bad(at+".tls.mode", "AUTO_PASSTHROUGH is for protocol TLS: what is inside is not looked at")
		}
		g.TLS = c.serverTLS(t, at+".tls")
		c.oldCertificateFiles(t, at+".tls")
	case t == nil:
	case !g.Protocol.IsHTTP():
		c.bad(at+".tls", "a %s server has no TLS settings: write protocol TLS", g.Protocol)
	default:
		g.HTTPSRedirect = t.GetHttpsRedirect()
		if t.GetMode() != networking.ServerTLSSettings_PASSTHROUGH || usesCertificates(t) {
			c.bad(at+".tls", "a plain text HTTP server has no TLS settings but httpsRedirect: write protocol HTTPS")
		}
	}
}

// oldCertificateFiles names the Secret that tutorials use today instead of
// files mounted into the gateway.
func (c *conversion) oldCertificateFiles(t *networking.ServerTLSSettings, at string) {
	if t.GetServerCertificate() != "" && !c.reported(at+".serverCertificate") && t.GetMode() != networking.ServerTLSSettings_PASSTHROUGH {
		c.old(at+".serverCertificate", "serverCertificate", "keep the certificate in a Secret, and write credentialName")
	}
}

// gatewayHost reads "host", "*/host", "./host" and "namespace/host".
func (c *conversion) gatewayHost(h, field string) (namespace, host string) {
	ns, rest, ok := strings.Cut(h, "/")
	if !ok {
		return "", c.host(h, field)
	}
	switch {
	case ns == "*":
		ns = ""
	case ns == ".":
		ns = c.object.Ref.Namespace
	case !dnsName.MatchString(ns):
		c.bad(field, `%q is no namespace: write a name, "." or "*"`, ns)
	}
	return ns, c.host(rest, field)
}

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix://"

// bind reads an address to listen on.
func (c *conversion) bind(address, field string) string {
	if address == "" {
		return ""
	}
	if strings.HasPrefix(address, unixPrefix) {
		return c.unixAddress(address, field)
	}
	if a, err := netip.ParseAddr(address); err != nil || a.Zone() != "" {
		c.bad(field, `want an IP address or "unix:///path", got %q`, address)
	}
	return address
}

// unixAddress reads "unix:///path" and "unix://@name" (Linux' abstract names).
func (c *conversion) unixAddress(address, field string) string {
	p := strings.TrimPrefix(address, unixPrefix)
	if abstract := strings.HasPrefix(p, "@") && len(p) > 1; !abstract && (!path.IsAbs(p) || strings.HasSuffix(p, "/")) {
		c.bad(field, `a unix socket is "unix:///path" or "unix://@name", got %q`, address)
	}
	return address
}
