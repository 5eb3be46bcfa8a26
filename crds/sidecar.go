package crds

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertSidecar(c *conversion) Content {
	in := &networking.Sidecar{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.Sidecar{Object: c.object.Ref}
	if labels := in.GetWorkloadSelector().GetLabels(); len(labels) > 0 {
		s := c.selector(labels, "spec.workloadSelector.labels")
		out.Selector = &s
	} else if in.GetWorkloadSelector() != nil {
		c.warn("spec.workloadSelector", "without labels it is for the whole namespace")
	}
	if len(in.GetEgress()) == 0 && len(in.GetIngress()) == 0 && in.GetOutboundTrafficPolicy() == nil && in.GetInboundConnectionPool() == nil {
		c.missing("spec", "a Sidecar has egress, ingress, outboundTrafficPolicy or inboundConnectionPool")
	}
	ports := map[uint32]bool{}
	for i, l := range in.GetIngress() {
		out.Ingress = append(out.Ingress, c.sidecarIngress(l, ports, index("spec.ingress", i)))
	}
	c.sidecarEgress(in.GetEgress(), out)
	out.InboundPool = c.connectionPool(in.GetInboundConnectionPool(), "spec.inboundConnectionPool")
	out.Outbound = c.outboundPolicy(in.GetOutboundTrafficPolicy(), "spec.outboundTrafficPolicy")
	return Content{Sidecar: out}
}

func (c *conversion) sidecarIngress(l *networking.IstioIngressListener, ports map[uint32]bool, at string) model.SidecarIngress {
	out := model.SidecarIngress{Bind: c.bind(l.GetBind(), at+".bind"), Endpoint: c.defaultEndpoint(l.GetDefaultEndpoint(), at+".defaultEndpoint"),
		CaptureMode: captureMode(l.GetCaptureMode()), Pool: c.connectionPool(l.GetConnectionPool(), at+".connectionPool")}
	if strings.HasPrefix(out.Bind, unixPrefix) {
		c.bad(at+".bind", "an ingress listener is not on a unix socket")
	}
	p := l.GetPort()
	if p == nil {
		c.missing(at+".port", "an ingress listener has a port")
		return out
	}
	out.Port = c.sidecarPort(p, at+".port")
	c.port(p.GetNumber(), at+".port.number")
	if ports[p.GetNumber()] {
		c.add(model.Error, model.CodePort, at+".port.number", "", "the port %d is given twice", p.GetNumber())
	}
	ports[p.GetNumber()] = true
	if l.GetConnectionPool().GetHttp() != nil && !out.Port.Protocol.MayBeHTTP() {
		c.warn(at+".connectionPool.http", "the port speaks %s: it has no effect", out.Port.Protocol)
	}
	out.TLS = c.sidecarTLS(l.GetTls(), out.Port.Protocol, at+".tls")
	return out
}

// sidecarPort reads a listener's port; its number may be 0 on a unix socket.
func (c *conversion) sidecarPort(p *networking.SidecarPort, at string) model.Port {
	return model.Port{Number: p.GetNumber(), Name: p.GetName(), Protocol: c.protocol(p.GetProtocol(), p.GetName(), p.GetNumber(), at+".protocol")}
}

// sidecarTLS is for calls from outside of the mesh, and by files only.
func (c *conversion) sidecarTLS(t *networking.ServerTLSSettings, p model.Protocol, at string) *model.ServerTLS {
	if t == nil {
		return nil
	}
	for field, given := range map[string]bool{"subjectAltNames": len(t.GetSubjectAltNames()) > 0, "httpsRedirect": t.GetHttpsRedirect(),
		"credentialName": t.GetCredentialName() != "", "credentialNames": len(t.GetCredentialNames()) > 0, "tlsCertificates": len(t.GetTlsCertificates()) > 0} {
		if given {
			c.bad(at+"."+field, "a sidecar's TLS settings have none, in Istio neither")
		}
	}
	if !p.IsTLS() {
		c.bad(at, "a port of protocol %s has no TLS settings: write HTTPS or TLS", p)
	}
	if m := t.GetMode(); m == networking.ServerTLSSettings_ISTIO_MUTUAL || m == networking.ServerTLSSettings_AUTO_PASSTHROUGH {
		c.bad(at+".mode", "a sidecar's TLS settings have the mode SIMPLE, MUTUAL or OPTIONAL_MUTUAL")
		return nil
	}
	return c.serverTLS(t, at)
}

// captureMode is empty for Istio's default.
func captureMode(m networking.CaptureMode) string {
	if m == networking.CaptureMode_DEFAULT {
		return ""
	}
	return m.String()
}

// defaultEndpoint is where the application listens.
func (c *conversion) defaultEndpoint(address, field string) string {
	if address == "" || strings.HasPrefix(address, unixPrefix) {
		if address != "" {
			c.unixAddress(address, field)
		}
		return address
	}
	host, port, err := net.SplitHostPort(address)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	if host == "" {
		host = "127.0.0.1"
	}
	a, noAddress := netip.ParseAddr(host)
	if err != nil || notNumber != nil || n == 0 || noAddress != nil || !a.IsUnspecified() && a != netip.IPv6Loopback() && host != "127.0.0.1" {
		c.bad(field, `want "127.0.0.1:PORT", "0.0.0.0:PORT", "[::1]:PORT", "[::]:PORT" or "unix:///path", got %q`, address)
		return address
	}
	return net.JoinHostPort(host, port)
}

func (c *conversion) outboundPolicy(p *networking.OutboundTrafficPolicy, at string) *model.OutboundPolicy {
	if p == nil {
		return nil
	}
	out := &model.OutboundPolicy{Mode: model.OutboundMode(p.GetMode().String())}
	to := p.GetEgressProxy()
	if to == nil {
		return out
	}
	if out.Mode != model.AllowAny {
		c.bad(at+".egressProxy", "it takes calls that mode ALLOW_ANY lets out")
	}
	if to.GetPort() == nil {
		c.missing(at+".egressProxy.port", "an egress proxy has a port")
	} else {
		c.port(to.GetPort().GetNumber(), at+".egressProxy.port.number")
	}
	out.Egress = &model.Destination{Host: c.host(to.GetHost(), at+".egressProxy.host"), Subset: to.GetSubset(), Port: to.GetPort().GetNumber()}
	return out
}
