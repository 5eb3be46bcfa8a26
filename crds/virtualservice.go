package crds

import (
	"slices"
	"strconv"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// Virtual service fields that become routes; all else is reported.
var (
	virtualServiceTranslated = []string{
		"hosts", "gateways", "exportTo",
		"http[].name",
		"http[].match[].name", "http[].match[].uri", "http[].match[].scheme", "http[].match[].method",
		"http[].match[].authority", "http[].match[].headers", "http[].match[].withoutHeaders",
		"http[].match[].queryParams", "http[].match[].port", "http[].match[].sourceLabels",
		"http[].match[].sourceNamespace", "http[].match[].gateways", "http[].match[].ignoreUriCase",
		"http[].route[].destination", "http[].route[].weight", "http[].route[].headers",
		"http[].redirect.uri", "http[].redirect.authority", "http[].redirect.port", "http[].redirect.scheme",
		"http[].redirect.redirectCode", "http[].redirect.prefixRewrite",
		"http[].directResponse.status", "http[].directResponse.body.string",
		"http[].rewrite", "http[].timeout",
		"http[].retries.attempts", "http[].retries.perTryTimeout", "http[].retries.retryOn",
		"http[].fault.delay.fixedDelay", "http[].fault.delay.percentage", "http[].fault.delay.percent",
		"http[].fault.abort.httpStatus", "http[].fault.abort.percentage",
		"http[].headers",
	}
	virtualServiceRefused = []string{
		"http[].delegate", "http[].directResponse.body.bytes",
		"http[].fault.abort.grpcStatus", "http[].fault.abort.http2Error", "http[].fault.delay.exponentialDelay",
	}
)

func convertVirtualService(c *conversion) Content {
	in := &networking.VirtualService{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.RouteTable{Object: c.object.Ref, Gateways: in.Gateways, ExportTo: in.ExportTo}
	if len(out.Gateways) == 0 {
		out.Gateways = []string{model.MeshGateway}
	}
	if len(in.Hosts) == 0 {
		c.missing("spec.hosts", "a virtual service has at least one host")
	}
	for i, h := range in.Hosts {
		at := index("spec.hosts", i)
		if h == "*" && slices.Contains(out.Gateways, model.MeshGateway) {
			c.bad(at, `"*" is for gateways: a virtual service of the mesh names its hosts`)
		}
		out.Hosts = append(out.Hosts, c.host(h, at))
	}
	if len(in.Http) == 0 {
		if c.reported("spec.tls") || c.reported("spec.tcp") {
			c.refuse("spec", "only http routes are translated yet")
		} else {
			c.missing("spec.http", "there is no route")
		}
	}
	used := map[string]bool{}
	for i, h := range in.Http {
		r := c.httpRoute(h, index("spec.http", i))
		r.Name = uniqueName(h.GetName(), i, used)
		out.HTTP = append(out.HTTP, r)
	}
	return Content{Routes: out}
}

// uniqueName gives a route the name that logs and explanations show.
func uniqueName(name string, i int, used map[string]bool) string {
	if name == "" || used[name] {
		name = index("http", i)
	}
	for used[name] {
		name += "-" + strconv.Itoa(i)
	}
	used[name] = true
	return name
}
