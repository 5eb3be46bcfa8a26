package envoy_test

import (
	"fmt"
	"testing"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
)

var (
	drawnHosts = []string{"a.example.com", "b.example.com", "x.b.example.com", "*.example.com", "*.b.example.com", "*.com",
		"web.default.svc.cluster.local", "api.shop.svc.cluster.local"}
	askedHosts = []string{"a.example.com", "b.example.com", "c.example.com", "x.b.example.com", "y.b.example.com", "example.com", "other.com", "A.Example.com",
		"web", "web.default", "web.default.svc", "web.default.svc.cluster.local", "api", "api.shop", "api.shop.svc.cluster.local", "10.1.2.3", "nobody", "a.example.com."}
	drawnPorts = []uint32{80, 8080, 9080}
)

// TestHostsAgree draws services, hosts of route tables and Sidecars, and holds
// what explain says of an authority to what a real Envoy does.
func TestHostsAgree(t *testing.T) {
	a := newAgreement(t)
	a.wires.to = a.snap.Workloads[0].Address
	known := a.snap.Services
	n, requests, taken, reported := draws(t, 120), 40, map[string]int{}, 0
	for i := range n {
		d := newDrawer(seed(t)+3000, i)
		a.snap.Services = append(d.services(), known...)
		a.snap.Routes, a.snap.Sidecars = d.tablesOfHosts(), d.sidecars()
		a.publish()
		for range requests {
			r := rawRequest{Method: "GET", Target: "/", Peer: "127.0.0.1", Host: d.of(askedHosts...) + d.of("", "", ":80", ":80", ":8080", ":8080", ":9080", ":9080", ":81")}
			want, got := a.explainedHost(r), a.hostRouted(r)
			taken[got[:3]]++
			if want != got && a.hostRouted(r) != want {
				t.Errorf("seed %d, draw %d: %s: explain says %s, Envoy %s\n%s", seed(t), i, r.Host, want, got, asYAML(t, map[string]any{
					"services": a.snap.Services[:len(a.snap.Services)-len(known)], "routes": a.snap.Routes, "sidecars": a.snap.Sidecars}))
				if reported++; reported == 3 {
					t.FailNow() // one cause has many cases
				}
				break
			}
		}
	}
	t.Logf("%d requests, by status: %v", n*requests, taken)
	if n >= 100 && (taken["200"] < n || taken["502"] < n || taken["503"] < n) {
		t.Error("what is drawn tests too little")
	}
}

// explainedHost is the status, and the route and why it answers so.
func (a *agreement) explainedHost(r rawRequest) string {
	v := r.view()
	x, err := explain.Explain(a.snap, a.eps, nil, explain.Request{From: "page-v1", Host: v.Authority, Path: v.Path, SourceAddress: r.Peer})
	if err != nil {
		a.t.Fatal(err)
	}
	step, o := x.First.Route, x.Outcomes[0].Verdict
	if step.Table == "" {
		return fmt.Sprint(o.Status)
	}
	return fmt.Sprint(o.Status, " ", step.Name, " ", o.Details)
}

func (a *agreement) hostRouted(r rawRequest) string {
	r.Port = 15001
	res := a.wires.send(a.t, r)
	if name := res.Header.Get("x-route"); name != "" {
		return fmt.Sprint(res.StatusCode, " ", name, " ", res.Header.Get("x-details"))
	}
	return fmt.Sprint(res.StatusCode)
}

// services draws some, none of which has endpoints.
func (d drawer) services() []*model.Service {
	var out []*model.Service
	for i, host := range drawnHosts {
		for _, ns := range []string{"default", "shop"} {
			if !d.chance(50) || host == "web.default.svc.cluster.local" && ns != "default" || host == "api.shop.svc.cluster.local" && ns != "shop" {
				continue
			}
			s := &model.Service{Object: model.Ref{Kind: "ServiceEntry", Namespace: ns, Name: fmt.Sprint("s", i)}, Host: host, Namespace: ns,
				Resolution: model.ResolutionStatic}
			if i >= 6 {
				s.Name = host[:3]
			}
			if i == 6 && d.chance(50) {
				s.Addresses = []string{"10.1.2.3", "10.2.0.0/16"}
			}
			for _, p := range drawnPorts {
				if d.chance(75) {
					s.Ports = append(s.Ports, model.Port{Number: p, Name: fmt.Sprint("p", p),
						Protocol: model.Protocol(d.of("HTTP", "HTTP", "HTTP", "GRPC", "AUTO", "TCP"))})
				}
			}
			s.ExportTo = d.exportTo()
			if len(s.Ports) > 0 {
				out = append(out, s)
			}
		}
	}
	return out
}

func (d drawer) exportTo() []string {
	return map[string][]string{"": nil, "*": {"*"}, ".": {"."}, "default": {"default"}}[d.of("", "", "", "", "", "*", ".", "default")]
}

// tablesOfHosts draws route tables of various hosts.
func (d drawer) tablesOfHosts() []*model.RouteTable {
	var out []*model.RouteTable
	for i := range 1 + d.IntN(5) {
		t := &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: d.of("default", "shop"), Name: fmt.Sprint("v", i)},
			Gateways: []string{model.MeshGateway}, ExportTo: d.exportTo()}
		for range 1 + d.IntN(2) {
			t.Hosts = append(t.Hosts, d.of(drawnHosts...))
		}
		tells := model.HeaderChanges{Response: model.HeaderOps{Set: map[string]string{"x-route": "%ROUTE_NAME%", "x-details": "%RESPONSE_CODE_DETAILS%"}}}
		for j := range 1 + d.IntN(3) {
			r := model.HTTPRoute{Name: fmt.Sprint("r", j), Headers: tells}
			if d.chance(50) {
				r.Direct = &model.DirectResponse{Status: 200}
			} else {
				r.Destinations = []model.Destination{{Host: d.of(drawnHosts[0], drawnHosts[6], drawnHosts[7]), Port: drawnPorts[d.IntN(3)], Weight: 1}}
			}
			for range d.IntN(3) {
				r.Matches = append(r.Matches, d.matchOfProxy())
			}
			if d.chance(20) {
				r.From = &model.Ref{Kind: "VirtualService", Namespace: "teams", Name: "delegate"}
			}
			t.HTTP = append(t.HTTP, r)
		}
		out = append(out, t)
	}
	return out
}

// matchOfProxy draws conditions on who calls, and by which port.
func (d drawer) matchOfProxy() model.HTTPMatch {
	m := model.HTTPMatch{}
	if d.chance(25) {
		m.Port = drawnPorts[d.IntN(3)]
	}
	if d.chance(20) {
		m.SourceLabels = map[string]string{"app": d.of("page", "other")}
	}
	if d.chance(15) {
		m.SourceNamespace = d.of("default", "shop")
	}
	if d.chance(15) {
		m.Gateways = []string{d.of(model.MeshGateway, "default/gw")}
	}
	if d.chance(15) {
		m.Claims = []model.ClaimMatch{{Path: []string{"group"}, Match: model.StringMatch{Kind: model.Exact, Value: "x"}, Not: d.chance(60)}}
	}
	if d.chance(25) {
		m.Path = &model.StringMatch{Kind: model.Prefix, Value: d.of("/", "/x")}
	}
	if d.chance(20) {
		m.Name = "named"
	}
	return m
}

// sidecars draws none, or one for page's namespace.
func (d drawer) sidecars() []*model.Sidecar {
	if d.chance(60) {
		return nil
	}
	s := &model.Sidecar{Object: model.Ref{Kind: "Sidecar", Namespace: "default", Name: "default"}}
	for range 1 + d.IntN(2) {
		var e model.SidecarEgress
		for range 1 + d.IntN(2) {
			e.Hosts = append(e.Hosts, model.HostScope{Namespace: d.of("*", "default", "shop", "~"), Host: d.of("*", "*", "*.example.com", "a.example.com", "*.b.example.com", "*.svc.cluster.local")})
		}
		if d.chance(30) {
			e.Port = &model.Port{Number: drawnPorts[d.IntN(2)], Protocol: model.HTTP} // page itself serves the third
		}
		s.Egress = append(s.Egress, e)
	}
	return []*model.Sidecar{s}
}
