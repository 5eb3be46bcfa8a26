package crds

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertVirtualService(c *conversion) Content {
	in := &networking.VirtualService{}
	if !c.read(in) {
		return Content{}
	}
	v := &virtualService{conversion: c, out: &model.RouteTable{Object: c.object.Ref, ExportTo: c.exportTo(in.GetExportTo(), "spec.exportTo")}}
	v.gateways(in)
	v.hosts(in.GetHosts())
	if len(in.GetHttp())+len(in.GetTls())+len(in.GetTcp()) == 0 && !c.reported("spec.http") && !c.reported("spec.tls") && !c.reported("spec.tcp") {
		c.missing("spec.http", "there is no route: http, tls or tcp is needed")
	}
	used := map[string]bool{}
	for i, h := range in.GetHttp() {
		at := index("spec.http", i)
		r := v.httpRoute(h, at)
		r.Name = uniqueName(h.GetName(), i, used)
		if d := h.GetDelegate(); d != nil {
			v.delegate(r.Name, d, at+".delegate")
		}
		v.out.HTTP = append(v.out.HTTP, r)
	}
	v.tlsRoutes(in.GetTls())
	v.tcpRoutes(in.GetTcp())
	return Content{Routes: v.out, Delegates: v.delegates}
}

// virtualService is one on its way into a RouteTable.
type virtualService struct {
	*conversion
	out       *model.RouteTable
	delegates map[string]model.Ref // by route name
	// isDelegate: it has no hosts of its own, others take its routes over.
	isDelegate bool
}

func (v *virtualService) gateways(in *networking.VirtualService) {
	v.isDelegate = len(in.GetHosts()) == 0
	v.out.Gateways = in.GetGateways()
	v.gatewayNames(in.GetGateways(), "spec.gateways")
	if !v.isDelegate {
		if len(v.out.Gateways) == 0 {
			v.out.Gateways = []string{model.MeshGateway}
		}
		return
	}
	const why, fix = "a virtual service without hosts is a delegate, which has http routes only", "give spec.hosts, or leave it out"
	for field, given := range map[string]bool{"spec.gateways": len(in.GetGateways()) > 0, "spec.tls": len(in.GetTls()) > 0, "spec.tcp": len(in.GetTcp()) > 0} {
		if given {
			v.add(model.Error, model.CodeInvalidValue, field, fix, why)
		}
	}
}

// hosts reads the hosts; one that another covers already has no meaning.
func (v *virtualService) hosts(hosts []string) {
	for i, h := range hosts {
		at := index("spec.hosts", i)
		if h == "*" && slices.Contains(v.out.Gateways, model.MeshGateway) {
			v.add(model.Error, model.CodeInvalidValue, at, "name the hosts, or the gateways", `"*" is for gateways: a virtual service of the mesh names its hosts`)
		}
		h = v.host(h, at)
		for _, other := range v.out.Hosts {
			if hostsOverlap(h, other) && !v.reported(at) {
				v.add(model.Error, model.CodeInvalidValue, at, "leave one of them out", "%s and %s are the same hosts, or one has the other in it", other, h)
				break
			}
		}
		v.out.Hosts = append(v.out.Hosts, h)
	}
}

func (c *conversion) gatewayNames(names []string, field string) {
	for i, n := range names {
		namespace, name, both := strings.Cut(n, "/")
		if !both {
			namespace, name = "x", n
		}
		if !dnsName.MatchString(namespace) || !dnsName.MatchString(name) {
			c.bad(index(field, i), `%q names no gateway: want "name", "namespace/name" or "mesh"`, n)
		}
	}
}

func (v *virtualService) delegate(route string, d *networking.Delegate, field string) {
	if v.isDelegate {
		v.add(model.Error, model.CodeInvalidValue, field, "give its routes to the root itself", "a delegate cannot delegate again")
		return
	}
	if d.GetName() == "" {
		v.missing(field+".name", "a delegate has a name")
		return
	}
	to := model.Ref{Kind: "VirtualService", Namespace: d.GetNamespace(), Name: d.GetName()}
	if to.Namespace == "" {
		to.Namespace = v.out.Object.Namespace
	}
	if v.delegates == nil {
		v.delegates = map[string]model.Ref{}
	}
	v.delegates[route] = to
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
