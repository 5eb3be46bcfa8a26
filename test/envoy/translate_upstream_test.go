package envoy_test

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/krater-mesh/krater/model"
)

// TestTranslateUpstreams calls, through a real sidecar, a service found by DNS,
// one that hashes, one over HTTP/2, and one that upgrades to WebSocket.
func TestTranslateUpstreams(t *testing.T) {
	w := newWorld(t)
	_, port, _ := net.SplitHostPort(w.app("dns", "127.0.0.1:0", nil))
	dnsPort, _ := strconv.Atoi(port)
	w.app("h2", w.address(11)+":50051", nil)
	w.app("ws", w.address(12)+":8000", websocket.Handler(func(c *websocket.Conn) {
		var line string
		_ = websocket.Message.Receive(c, &line)
		_ = websocket.Message.Send(c, "heard "+line)
	}))
	for _, s := range []struct {
		service *model.Service
		at      model.Endpoint
	}{
		{&model.Service{Host: "ext.test", Namespace: "default", Ports: []model.Port{{Number: 80, Name: "http", Protocol: model.HTTP}}, Resolution: model.ResolutionDNS, External: true},
			model.Endpoint{Address: "localhost", Ports: map[string]uint32{"http": uint32(dnsPort)}}},
		{&model.Service{Host: "grpc.default.svc.cluster.local", Name: "grpc", Namespace: "default", Ports: []model.Port{{Number: 50051, Name: "grpc", Protocol: model.GRPC}}, Resolution: model.ResolutionStatic},
			model.Endpoint{Address: w.address(11)}},
		{&model.Service{Host: "ws.default.svc.cluster.local", Name: "ws", Namespace: "default", Ports: []model.Port{{Number: 8000, Name: "http", Protocol: model.HTTP}}, Resolution: model.ResolutionStatic},
			model.Endpoint{Address: w.address(12)}},
	} {
		s.at.Health, s.at.Weight = model.Healthy, 1
		w.snap.Services = append(w.snap.Services, s.service)
		w.eps = append(w.eps, &model.ServiceEndpoints{Service: s.service.Key(), Endpoints: []model.Endpoint{s.at}})
	}
	w.snap.Destinations[0].Policy.LoadBalancer = &model.LoadBalancer{Balance: model.RingHash, HashOn: &model.HashOn{Header: "x-user"}}
	w.start("page-v1", noOptions, "")
	c := w.proxied()
	if a := do(t, c, "GET http://ext.test/x"); a.echo.Who != "dns" || a.echo.Host != "ext.test" {
		t.Errorf("by DNS: %d %+v", a.StatusCode, a.echo)
	}
	if a := do(t, c, "GET http://grpc:50051/x"); a.echo.Who != "h2" || a.echo.Proto != "HTTP/2.0" {
		t.Errorf("a gRPC port is called by %s: %+v", a.echo.Proto, a.echo)
	}
	users := map[string]string{}
	for i := range 60 {
		user := fmt.Sprint("u", i%6)
		who := do(t, c, "GET http://reviews:9080/x", "x-user: "+user).echo.Who
		if before, ok := users[user]; ok && before != who {
			t.Errorf("user %s went to %s, then to %s", user, before, who)
		}
		users[user] = who
	}
	spread := map[string]bool{}
	for _, who := range users {
		spread[who] = true
	}
	if len(spread) < 2 {
		t.Errorf("six users went to one endpoint: %v", users)
	}
	config, err := websocket.NewConfig("ws://ws:8000/", "http://ws:8000/")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", w.address(2)+":15001", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		t.Fatal(err)
	}
	var line string
	if err := websocket.Message.Send(ws, "me"); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(ws, &line); line != "heard me" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestTranslateServerHeader keeps the application's own, and the local ones away.
func TestTranslateServerHeader(t *testing.T) {
	w := newWorld(t)
	_, port, _ := net.SplitHostPort(w.app("", "127.0.0.1:0", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.Header().Set("server", "mine") })))
	app, _ := strconv.Atoi(port)
	w.snap.Workloads[0].Ports[0].AppPort = uint32(app)
	w.start("page-v1", noOptions, "")
	a := do(t, client(newTransport()), "GET http://"+w.address(2)+":9080/", "x-forwarded-for: 192.0.2.1")
	if a.Header.Get("server") != "mine" {
		t.Errorf("server: %q", a.Header.Get("server"))
	}
}
