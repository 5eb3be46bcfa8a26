package translate

import (
	"net"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/krater-mesh/krater/model"
)

// httpPort is the port of a URL that has none.
const httpPort = 80

// hostInput is what a virtual host is made of.
type hostInput struct {
	mesh      *model.Mesh
	routes    string // the route configuration
	host      string
	port      model.Port
	domains   []string
	service   *model.Service      // the default route's; nil: there is none
	tables    []*model.RouteTable // in their order
	gateways  []string            // for which the tables' matches may be
	namespace string              // the caller's, and its labels
	labels    map[string]string
	policies  []hostPolicy // of the destinations
	patches   patches
	httpsOnly bool
	tls       bool // requests come encrypted
	connect   bool // CONNECT is answered
}

// hostPolicy is how a host is called.
type hostPolicy struct {
	host   string
	policy *model.DestinationPolicy
}

// routing is a virtual host under way.
type routing struct {
	hostInput
	report
}

// virtualHost makes one.
func virtualHost(in hostInput) *Part {
	b := &routing{hostInput: in}
	v := &routev3.VirtualHost{Name: virtualHostName(in.routes, in.host, in.port.Number), Domains: in.domains}
	if in.httpsOnly {
		v.RequireTls = routev3.VirtualHost_ALL
	}
	if in.connect {
		v.Routes = append(v.Routes, connectRoute(in.port.Protocol))
	}
	if in.port.Protocol.MayBeHTTP() {
		v.Routes = append(v.Routes, b.write(in.choices())...)
	} else {
		v.Routes = append(v.Routes, blockAll()[1])
	}
	at := routesPlace{routes: in.routes, port: in.port, gateways: in.gateways}
	if !patchVirtualHost(&b.report, in.patches, at, v) {
		return &Part{problems: b.problems}
	}
	return &Part{Resources: Resources{VirtualHosts: []*routev3.VirtualHost{v}}, problems: b.problems}
}

// choices are the routes, in the order in which they are tried: those of the
// tables, else the default route to the service.
func (in hostInput) choices() []RouteChoice {
	w := model.Workload{Namespace: in.namespace, Labels: in.labels}
	out := choices(in.tables, w, in.port.Number, in.gateways)
	if len(out) > 0 || in.service == nil {
		return out
	}
	return []RouteChoice{{Name: RouteDefault, Route: model.HTTPRoute{
		Name:         RouteDefault,
		Destinations: []model.Destination{{Host: in.service.Host, Namespace: in.service.Namespace, Port: in.port.Number, Weight: 1}},
	}}}
}

// policyOf is how a host is called; nil: nothing is declared.
func (in hostInput) policyOf(host string) *model.DestinationPolicy {
	for _, p := range in.policies {
		if p.host == host {
			return p.policy
		}
	}
	return nil
}

// sidecarHosts makes a virtual host for each port of each service, and for
// each host that only route tables know.
func (r *round) sidecarHosts(c class, k *kept) *Part {
	return k.hosts.get(r.Compiler, r.revision, func() *Part {
		known := r.scope(c)
		tables := r.tables.imported(known, c.namespace)
		if v := r.revision.calls(c.sidecar); k.inputs == nil || k.inputsOf != v {
			k.inputs, k.inputsOf = map[hostKey]keptHost{}, v
		}
		var all joinInput
		for _, h := range r.domains.of(domainsInput{namespace: c.namespace, services: known.called, hosts: tables.hosts, redirect: c.redirect}).list {
			all.parts = append(all.parts, r.host(c, k, h, tables.closest(h.host, known.at(h.port.Number))))
		}
		return r.joined.of(all)
	})
}

// addCaller adds what the tables' routes ask of the caller, and how their
// destinations are called.
func (r *round) addCaller(in *hostInput, c class) {
	in.labels = askedLabels(in.tables, c.labels)
	in.patches = patchesFor(r.snap, c.client()).of(c.direction(), patchHost, patchRoute)
	seen := map[string]bool{}
	add := func(d model.Destination) {
		if seen[d.Host] {
			return
		}
		seen[d.Host] = true
		if s := r.scope(c).byHost[d.Host]; s != nil {
			if p := r.snap.DestinationFor(s, c.client()); p != nil {
				in.policies = append(in.policies, hostPolicy{d.Host, p})
			}
		}
	}
	for _, t := range in.tables {
		for _, route := range t.HTTP {
			for _, d := range route.Destinations {
				add(d)
			}
		}
	}
	if in.service != nil {
		add(model.Destination{Host: in.service.Host})
	}
}

// askedLabels are those of a caller that routes of tables ask for.
func askedLabels(tables []*model.RouteTable, caller map[string]string) map[string]string {
	var out map[string]string
	for _, t := range tables {
		for _, r := range t.HTTP {
			for _, m := range r.Matches {
				for key := range m.SourceLabels {
					if value, ok := caller[key]; ok {
						if out == nil {
							out = map[string]string{}
						}
						out[key] = value
					}
				}
			}
		}
	}
	return out
}

// claim gives those domains that nobody has yet, and takes them. Envoy
// compares domains without regard to case.
func claim(taken map[string]bool, domains []string) []string {
	var out []string
	for _, d := range domains {
		if key := strings.ToLower(d); !taken[key] {
			taken[key] = true
			out = append(out, d)
		}
	}
	return out
}

// VirtualHostDomains are the values of Host by which a namespace calls a
// service's port: each name with the port and, for port 80 or the only port,
// without.
func VirtualHostDomains(s *model.Service, port model.Port, namespace string) []string {
	return withPort(hostNames(s, namespace), s, port)
}

func withPort(names []string, s *model.Service, port model.Port) []string {
	var out []string
	for _, n := range names {
		out = append(out, net.JoinHostPort(n, strconv.Itoa(int(port.Number))))
		if port.Number == httpPort || len(s.Ports) == 1 {
			out = append(out, n)
		}
	}
	return out
}

// ResolveAuthority finds the service host and port that a sidecar takes a
// value of Host (or of CONNECT) for; ok is false where it answers 502.
func ResolveAuthority(snap *model.Snapshot, w model.Workload, authority string) (host string, port uint32, ok bool) {
	best := ""
	r := NewCompiler(Options{}).round(snap, nil)
	known := r.scope(r.classOf(&w))
	in := domainsInput{namespace: w.Namespace, services: known.called, hosts: r.tables.imported(known, w.Namespace).hosts}
	for _, h := range sidecarDomains(in).list {
		for _, d := range h.domains {
			if model.HostMatches(strings.ToLower(d), strings.ToLower(authority)) && (len(d) > len(best) || strings.EqualFold(d, authority)) {
				best, host, port, ok = d, h.host, h.port.Number, true
			}
		}
	}
	return host, port, ok
}
