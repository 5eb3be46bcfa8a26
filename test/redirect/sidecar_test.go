package redirect

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/model"
)

// TestCaptureModeOfSidecars: a listener of IPTABLES gets what is redirected to
// its address, one of NONE is bound and is called by it.
func TestCaptureModeOfSidecars(t *testing.T) {
	w := newWorld(t)
	names(w.server, ":3306", "db")
	app(w.server, ":9090")
	app(w.server, "127.0.0.1:8180")
	app(w.server, "127.0.0.1:8190")
	tcp := func(n uint32) *model.Port { return &model.Port{Number: n, Name: "tcp", Protocol: model.TCP} }
	all := []model.HostScope{{Namespace: "*", Host: "*"}}
	w.snap.Sidecars = []*model.Sidecar{
		{Object: model.Ref{Kind: "Sidecar", Namespace: "default", Name: "client"}, Selector: &model.Selector{Labels: map[string]string{"app": "client"}},
			Egress: []model.SidecarEgress{
				{Hosts: all, Port: tcp(3306), Bind: "10.99.0.1", CaptureMode: "IPTABLES"},
				{Hosts: []model.HostScope{{Namespace: "*", Host: webHost}}, Port: &model.Port{Number: 9090, Name: "grpc", Protocol: model.GRPC}, CaptureMode: "NONE"},
			}},
		{Object: model.Ref{Kind: "Sidecar", Namespace: "default", Name: "server"}, Selector: &model.Selector{Labels: map[string]string{"app": "server"}},
			Ingress: []model.SidecarIngress{
				{Port: model.Port{Number: 8080, Name: "http", Protocol: model.HTTP}, Endpoint: "127.0.0.1:8180", CaptureMode: "IPTABLES"},
				{Port: model.Port{Number: 8090, Name: "http", Protocol: model.HTTP}, Endpoint: "127.0.0.1:8190", CaptureMode: "NONE"},
				{Port: *tcp(3306), CaptureMode: "IPTABLES"},
			}},
	}
	w.start(redirect.NFTables)
	if got := reached(w.client, 1000, "10.99.0.1:3306"); got != "db" {
		t.Errorf("IPTABLES: what is redirected to the listener's address reaches %s, want the database", got)
	}
	if got := reached(w.client, 1000, "127.0.0.1:3306"); got != "nobody" {
		t.Errorf("IPTABLES: the listener is bound, and reaches %s", got)
	}
	if status, got := curl(t, w.client, "http://web:9090/", "127.0.0.1", "--http2-prior-knowledge"); status != "200" || got.Who != "server" {
		t.Errorf("NONE: the listener on 127.0.0.1:9090 answers %s, %+v", status, got)
	}
	if status, got := curl(t, w.outside, "http://web:8080/", w.server.Address); status != "200" || got.To != "127.0.0.1" {
		t.Errorf("IPTABLES, inbound: %s, %+v, want the application at its endpoint", status, got)
	}
	listeners := w.admin(w.server, "/listeners")
	if want := "::" + w.server.Address + ":8090"; !strings.Contains(listeners, want) {
		t.Errorf("NONE, inbound: no listener is bound to %s:\n%s", want, listeners)
	}
	if status, got := curl(t, w.outside, "http://web:8090/", w.server.Address); status != "200" || got.To != "127.0.0.1" {
		t.Errorf("NONE, inbound: %s, %+v, want the application at its endpoint", status, got)
	}
}
