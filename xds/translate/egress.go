package translate

import (
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// egressBind is the address that a Sidecar's listener is for, the workload's
// where it names none, and whether it is bound there. "": there is none, since
// the kernel redirects to the listener of all calls to its port.
func egressBind(e model.SidecarEgress, w *model.Workload) (bind string, bound bool) {
	redirected := w.Interception == model.InterceptByRedirect
	switch {
	case strings.HasPrefix(e.Bind, unixPrefix), e.Bind != "" && !redirected:
		return e.Bind, true
	case !redirected:
		return w.Address, true
	case e.CaptureMode != captureNone:
		return e.Bind, false
	case e.Bind != "":
		return e.Bind, true
	}
	return "127.0.0.1", true
}

// complainOfCapture reports a listener that would get redirected traffic, if
// there were any.
func (p *proxy) complainOfCapture(mode, field string) {
	if mode == "IPTABLES" && !p.redirected() {
		p.notSupported(p.sidecar.Object, field+".captureMode", "traffic of "+p.w.ID()+" is not redirected: the listener is reached by its address", "use DEFAULT, which takes either, or redirect the workload's traffic (docs/redirect.md)")
	}
}

// egress opens the listeners that a Sidecar declares with a port of their own.
func (p *proxy) egress() {
	if p.sidecar == nil {
		return
	}
	for i, e := range p.sidecar.Egress {
		if e.Port == nil {
			continue
		}
		p.complainOfCapture(e.CaptureMode, "spec.egress["+strconv.Itoa(i)+"]")
		bind, bound := egressBind(e, p.workload)
		if bind == "" {
			continue
		}
		served := func(s servedPort) bool { return bound && !s.captured && s.bind == bind && s.number == e.Port.Number }
		taken := func(l *listenerv3.Listener) bool {
			return !bound && proto.Equal(l.GetAddress(), bindAddress(bind, e.Port.Number))
		}
		if slices.ContainsFunc(p.servedPorts(), served) || slices.ContainsFunc(p.out.Listeners, taken) {
			p.problem(model.Warning, model.CodePort, p.sidecar.Object, "spec.egress["+strconv.Itoa(i)+"].port.number",
				"the workload serves this port on this address, or another listener is for it: the listener is not opened", "give it another port or bind")
			continue
		}
		l := &listenerv3.Listener{
			Name:             egressListener(bind, e.Port.Number),
			Address:          bindAddress(bind, e.Port.Number),
			TrafficDirection: corev3.TrafficDirection_OUTBOUND,
		}
		if !bound {
			l.BindToPort = wrapperspb.Bool(false)
		}
		if e.Port.Protocol.IsHTTP() {
			routes := egressRoutes(l.Name)
			p.patchRouteConfiguration(routes, outbound, routesPlace{routes: l.Name, port: *e.Port})
			p.out.Routes = append(p.out.Routes, routes)
			l.FilterChains = []*listenerv3.FilterChain{{Filters: p.managed(chain{listener: l.Name, direction: outbound, port: e.Port.Number}, routes)}}
		} else if !p.egressTCP(l, e.Port.Number) {
			continue
		}
		p.out.Listeners = append(p.out.Listeners, l)
	}
}

// egressTCP passes connections on to the first service that has the port, TLS
// by its server name; false: there is none.
func (p *proxy) egressTCP(l *listenerv3.Listener, port uint32) bool {
	var names []named
	otherwise := ""
	for _, c := range p.connections.list {
		if c.port != port {
			continue
		}
		if otherwise == "" {
			otherwise = c.chain
		}
		l.FilterChains = append(l.FilterChains, p.tcpChain(c.chain, c.port))
		for _, s := range c.byName {
			l.FilterChains = append(l.FilterChains, p.tcpChain(s.chain, c.port))
		}
		names = append(names, chainsByName(c.byName)...)
		for _, host := range c.hosts {
			names = append(names, named{name: host, then: toChain(c.chain)})
		}
	}
	if otherwise == "" {
		return false
	}
	if len(names) > 0 {
		p.sniffTLS(l)
	}
	l.FilterChainMatcher = asMatcher(orElse(serverNameInput, names, toChain(otherwise)))
	return true
}

// egressRoutes refuses unknown hosts; known ones come as virtual hosts.
func egressRoutes(name string) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{
		Name:                           name,
		ValidateClusters:               wrapperspb.Bool(false),
		MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(maxDirectBody),
		Vhds:                           &routev3.Vhds{ConfigSource: overADS()},
		IgnorePortInHostMatching:       true,
		VirtualHosts:                   []*routev3.VirtualHost{{Name: RouteBlockAll, Domains: []string{"*"}, Routes: blockAll()}},
	}
}

// egressHosts makes the virtual hosts of a Sidecar's own listeners: those of
// the services that have the listener's port, by each of their names.
func (r *round) egressHosts(c class, w *model.Workload) *Part {
	var parts []*Part
	known := r.scope(c)
	tables := r.tables.imported(known, c.namespace)
	for _, e := range c.sidecar.Egress {
		if e.Port == nil || !e.Port.Protocol.IsHTTP() {
			continue
		}
		bind, _ := egressBind(e, w)
		if bind == "" {
			continue
		}
		taken := map[string]bool{}
		for _, s := range known.called {
			port, ok := s.PortNumbered(e.Port.Number)
			if !ok {
				continue
			}
			in := hostInput{mesh: r.mesh, routes: egressListener(bind, port.Number), host: s.Host, port: port, service: s, namespace: c.namespace,
				domains: claim(taken, hostNames(s, c.namespace)), tables: tables.closest(s.Host, known.at(port.Number)), gateways: []string{model.MeshGateway}}
			if len(in.domains) > 0 {
				r.addCaller(&in, c)
				parts = append(parts, r.hosts.of(in))
			}
		}
	}
	return r.joined.of(joinInput{parts})
}
