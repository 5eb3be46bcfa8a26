package crds

import (
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

var (
	gatewayTranslated = []string{"selector", "servers[].port.number", "servers[].port.protocol", "servers[].port.name",
		"servers[].hosts", "servers[].name", "servers[].tls.httpsRedirect"}
	gatewayRefused = []string{"servers[].bind"}
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
	for i, s := range in.GetServers() {
		at := index("spec.servers", i)
		g := model.GatewayServer{Name: s.GetName(), Port: c.port(s.GetPort().GetNumber(), at+".port.number"),
			HTTPSRedirect: s.GetTls().GetHttpsRedirect()}
		g.Protocol = c.protocol(s.GetPort().GetProtocol(), s.GetPort().GetName(), at+".port.protocol")
		if len(s.GetHosts()) == 0 {
			c.missing(at+".hosts", "a server has at least one host")
		}
		for j, h := range s.GetHosts() {
			ns, host := c.gatewayHost(h, index(at+".hosts", j))
			g.Hosts, g.Namespaces = append(g.Hosts, host), append(g.Namespaces, ns)
		}
		if !g.Protocol.IsHTTP() {
			c.ignore(at+".port.protocol", "only HTTP servers are translated yet: port %d is not opened", g.Port)
			continue
		}
		out.Servers = append(out.Servers, g)
	}
	if len(out.Servers) == 0 && len(in.GetServers()) > 0 {
		c.refuse("spec.servers", "none of the servers is translated yet")
	}
	return Content{Gateway: out}
}

// gatewayHost reads "host", "*/host", "./host" and "namespace/host".
func (c *conversion) gatewayHost(h, field string) (namespace, host string) {
	ns, rest, ok := strings.Cut(h, "/")
	if !ok {
		return "", c.host(h, field)
	}
	switch ns {
	case "*":
		ns = ""
	case ".":
		ns = c.object.Ref.Namespace
	}
	return ns, c.host(rest, field)
}
