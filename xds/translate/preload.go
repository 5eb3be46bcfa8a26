package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

const listenerPreload = "preload"

// PreloadSlot is the slot of filters whose code a proxy loads without using it.
const PreloadSlot = listenerPreload + "/http"

// preload adds a listener that has no address and that nothing leads to: its
// filters start the VMs, with the code and the configuration, that others will
// have later. It is there as long as something is to be loaded, so that no
// chain that carries requests is longer by it.
func (p *proxy) preload() {
	if len(p.view.preload) == 0 {
		return
	}
	var load filters
	for _, f := range p.view.preload {
		load = append(load, p.filterConfig(f, 0))
	}
	p.slot(PreloadSlot, filterChain(load))
	l := internalListener(listenerPreload)
	l.FilterChains = []*listenerv3.FilterChain{{Name: chainHTTP, Filters: []*listenerv3.Filter{{
		Name: filterHCM,
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(&hcmv3.HttpConnectionManager{
			StatPrefix:     listenerPreload,
			RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{Name: listenerPreload}},
			HttpFilters:    []*hcmv3.HttpFilter{discovered(PreloadSlot), fixed(filterRouter, pack(&routerv3.Router{}))},
		})},
	}}}}
	p.out.Listeners = append(p.out.Listeners, l)
}
