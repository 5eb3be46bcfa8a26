package translate

import (
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

const filterTCPProxy = "envoy.filters.network.tcp_proxy"

// listenerPlace is a filter chain as patches are matched with it.
type listenerPlace struct {
	direction direction
	listener  string
	chain     string
	port      uint32 // 0: all ports pass here
	names     []string
	tls       bool
}

// fits tells whether a patch is for such a place. Istio's names of listeners
// mean ours, too.
func (at listenerPlace) fits(m model.PatchMatch) bool {
	also := map[direction]string{inbound: "virtualInbound", outbound: "virtualOutbound", gateway: "0.0.0.0_" + strconv.Itoa(int(at.port))}
	transport := "raw_buffer"
	if at.tls {
		transport = "tls"
	}
	return is(m.Listener, at.listener, also[at.direction]) && isPort(m.Port, at.port) && isPort(m.ChainPort, at.port) &&
		is(m.FilterChain, at.chain) && is(m.SNI, at.names...) && is(m.Transport, transport)
}

func (c chain) place() listenerPlace {
	return listenerPlace{direction: c.direction, listener: c.listener, chain: c.listener, port: c.port, names: c.names, tls: c.tls}
}

const filterRouter = "envoy.filters.http.router"

// portless reports a patch for one port where all ports share a chain.
func (p *proxy) portless(c chain, list patches) {
	for _, one := range list {
		if one.Match.Filter != filterTCPProxy && c.direction == outbound && c.port == 0 && one.Match.Port != 0 && one.Match.Context != "" {
			p.notSupported(one.Object, patchField(one)+".match.listener.portNumber",
				"calls to all ports share one listener here: the patch is not applied to it", "leave the port out, or patch the VIRTUAL_HOST")
		}
	}
}

// The anchors of HTTP filters: by the filter that a patch names, how it is
// inserted. "" is first of all.
var (
	beforeCORS   = map[string]string{"": "INSERT_FIRST", filterCORS: "INSERT_BEFORE"}
	afterCORS    = map[string]string{filterCORS: "INSERT_AFTER"}
	beforeFault  = map[string]string{filterFault: "INSERT_BEFORE"}
	beforeRouter = map[string]string{filterFault: "INSERT_AFTER", filterRouter: "INSERT_BEFORE"}
)

// patchSlot is the slot of an anchor. It has an empty one to begin with, so
// that a proxy that refuses what patches put there goes on without.
func (p *proxy) patchSlot(c chain, name string, anchor map[string]string) *hcmv3.HttpFilter {
	name = slotName(c.listener, name)
	out := discovered(name)
	out.GetConfigDiscovery().DefaultConfig = pack(filterChain(nil))
	p.slot(name, filterChain(p.inserted(c, anchor)))
	return out
}

// inserted are the filters that patches put at an anchor.
func (p *proxy) inserted(c chain, anchor map[string]string) filters {
	list := p.patches.of(c.direction, patchFilter)
	p.portless(c, list)
	var out filters
	for _, one := range list {
		sub := one.Match.SubFilter
		if one.Operation == "INSERT_FIRST" {
			sub = ""
		}
		if anchor[sub] != one.Operation || !c.place().fits(one.Match) {
			continue
		}
		f, ok := read(&p.report, one, &hcmv3.HttpFilter{})
		if !ok {
			continue
		}
		if f.GetTypedConfig() == nil {
			p.notSupported(one.Object, patchField(one)+".patch.value", "a filter without typed_config is not inserted", "give it its typed_config")
			continue
		}
		at := len(out)
		if one.Operation != "INSERT_BEFORE" { // right behind the anchor, before those that came before
			at = 0
		}
		out = slices.Insert(out, at, &corev3.TypedExtensionConfig{Name: f.Name, TypedConfig: f.GetTypedConfig()})
	}
	return out
}

// patchRouter is the last filter.
func (p *proxy) patchRouter(c chain) *routerv3.Router {
	out := &hcmv3.HttpFilter{ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(p.router(c))}}
	patched(&p.report, p.patches.of(c.direction, patchFilter), out, func(one *model.EnvoyPatch) bool {
		return one.Match.SubFilter == filterRouter && c.place().fits(one.Match)
	})
	router := &routerv3.Router{}
	_ = out.GetTypedConfig().UnmarshalTo(router)
	return router
}

// patchManager changes a connection manager that was just made.
func (p *proxy) patchManager(c chain, m *hcmv3.HttpConnectionManager) {
	list := p.patches.of(c.direction, patchNetwork)
	p.portless(c, list)
	patchNetworkFilter(&p.report, list, filterHCM, c.place(), m)
}

// patchTCP changes what passes connections on.
func patchTCP(r *report, list patches, at listenerPlace, m *tcpproxyv3.TcpProxy) {
	patchNetworkFilter(r, list, filterTCPProxy, at, m)
}

// patchNetworkFilter merges filters' configurations into one.
func patchNetworkFilter(r *report, list patches, name string, at listenerPlace, m proto.Message) {
	for _, one := range list {
		if one.Match.Filter != name || !at.fits(one.Match) {
			continue
		}
		f, ok := read(r, one, &listenerv3.Filter{})
		if !ok || f.GetTypedConfig() == nil {
			continue
		}
		box := pack(m)
		mergePacked(box, f.GetTypedConfig())
		if box.TypeUrl == typeURL(m) {
			proto.Reset(m)
			_ = box.UnmarshalTo(m)
		}
	}
}

// patchListeners changes listeners that were just made.
func (p *proxy) patchListeners() {
	fits := func(one *model.EnvoyPatch, l *listenerv3.Listener) bool {
		d := p.directionOf(l)
		return len(patches{one}.of(d, patchListen)) > 0 && p.listenerPlace(d, l).fits(model.PatchMatch{Port: one.Match.Port, Listener: one.Match.Listener})
	}
	p.out.Listeners = without(p.patches, p.out.Listeners, fits)
	for _, l := range p.out.Listeners {
		patched(&p.report, p.patches, l, func(one *model.EnvoyPatch) bool { return fits(one, l) })
	}
}

func (p *proxy) directionOf(l *listenerv3.Listener) direction {
	switch {
	case p.w.Gateway:
		return gateway
	case l.TrafficDirection == corev3.TrafficDirection_INBOUND:
		return inbound
	}
	return outbound
}

// listenerPlace is a whole listener. A gateway's port is the Gateway's.
func (p *proxy) listenerPlace(d direction, l *listenerv3.Listener) listenerPlace {
	out := listenerPlace{direction: d, listener: l.Name, port: l.GetAddress().GetSocketAddress().GetPortValue()}
	if p.listeners != nil {
		for _, g := range p.listeners.list {
			if g.name == l.Name {
				out.port = g.number
			}
		}
	}
	return out
}
