package controlplane

import (
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

func TestARefusalNamesObjectAndField(t *testing.T) {
	ref := func(kind, name string) model.Ref { return model.Ref{Kind: kind, Namespace: "shop", Name: name} }
	app := func(name string) model.Selector {
		return model.Selector{Namespace: "shop", Labels: map[string]string{"app": name}}
	}
	s := &model.Snapshot{
		Services: []*model.Service{{Object: ref("ServiceEntry", "cart"), Host: "cart.shop", Namespace: "shop"}, {Object: ref("ServiceEntry", "bare"), Host: "bare.shop", Namespace: "shop"}},
		Destinations: []*model.DestinationPolicy{{Object: ref("DestinationRule", "cart"), Host: "cart.shop",
			Subsets: []model.Subset{{Name: "v1"}, {Name: "v2"}}}},
		Routes:        []*model.RouteTable{{Object: ref("VirtualService", "cart"), Hosts: []string{"cart.shop"}}},
		Gateways:      []*model.Gateway{{Object: ref("Gateway", "edge"), Selector: app("web")}},
		Authorization: []*model.AuthorizationPolicy{{Object: ref("AuthorizationPolicy", "a"), Selector: app("web")}, {Object: ref("AuthorizationPolicy", "b"), Selector: app("web")}},
		Filters: []*model.FilterBinding{{Object: ref("Filter", "f"), Selector: app("web")}, {Object: ref("Filter", "g"), Selector: app("db")},
			{Object: ref("TrafficExtension", "lua"), Selector: app("web"), Type: model.FilterLua}, {Object: ref("WasmPlugin", "bytes"), Selector: app("web"), Type: model.FilterNetwork}},
		AccessLists: []*model.AccessList{{Object: ref("AccessList", "l"), Selector: app("web")}},
		Origins:     map[string]model.Origin{ref("DestinationRule", "cart").String(): {File: "cart.yaml", Line: 3}},
	}
	s.Seal()
	w := model.Workload{Namespace: "shop", Name: "web-1", Labels: map[string]string{"app": "web"}}
	for _, c := range []struct{ typeURL, resource, detail, object, field string }{
		{serve.TypeCluster, "outbound|80|v2|cart.shop", "ClusterValidationError.OutlierDetection: bad", "DestinationRule shop/cart", "spec.subsets[1].trafficPolicy.outlierDetection"},
		{serve.TypeCluster, "outbound|80||cart.shop", "unable to parse: ring hash", "DestinationRule shop/cart", "spec.trafficPolicy.loadBalancer"},
		{serve.TypeCluster, "outbound|80||bare.shop", "anything", "ServiceEntry shop/bare", ""},
		{serve.TypeCluster, "inbound|80||", "anything", "Proxy shop/web-1", "CDS"},
		{serve.TypeVirtualHost, "outbound/cart.shop:80", "invalid regex: (", "VirtualService shop/cart", "spec.http.match"},
		{serve.TypeVirtualHost, "outbound/unknown:80", "x", "Proxy shop/web-1", "VHDS"},
		{serve.TypeListener, "gateway|80", "cannot bind", "Gateway shop/edge", "spec.servers"},
		{serve.TypeExtensionConfig, "inbound|1.2.3.4|80/authorization", "policy shop/b: bad", "AuthorizationPolicy shop/b", "spec.rules"},
		{serve.TypeExtensionConfig, "inbound|1.2.3.4|80/authorization", "bad", "Proxy shop/web-1", "ECDS"},
		{serve.TypeExtensionConfig, "inbound|1.2.3.4|80/wasm-authn", "bad", "Filter shop/f", "spec.config"},
		{serve.TypeExtensionConfig, "inbound|1.2.3.4|80/wasm-authn", "script load error: [string \"x\"]:1: '=' expected", "TrafficExtension shop/lua", "spec.lua.inlineCode"},
		{serve.TypeExtensionConfig, "inbound|80/network-before", "bad", "WasmPlugin shop/bytes", "spec.pluginConfig"},
		{serve.TypeExtensionConfig, "inbound|1.2.3.4|80/access-lists", "bad", "AccessList shop/l", "spec.entries"},
	} {
		client := serve.ClientStatus{Node: w.ID(), Types: map[string]serve.TypeStatus{
			c.typeURL: {State: serve.StateNack, Refused: []string{c.resource}, Details: []string{c.detail}}}}
		got := refusals(s, w, client)
		object := ""
		if len(got) == 1 {
			if object = got[0].Object.String(); got[0].Object.Namespace == "" {
				object = got[0].Object.Kind + " " + got[0].Object.Name
			}
		}
		if len(got) != 1 || object != c.object || got[0].Field != c.field || got[0].Code != model.CodeRejected {
			t.Errorf("%s %s: %v, want %s %s", c.resource, c.detail, got, c.object, c.field)
		}
	}
}
