package envoy_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// l4World has two TCP services, "one" and "two", whose servers say their name
// first and then repeat what they hear, and two TLS services, "a.tls.test" and
// "b.tls.test", who each say what server name they were asked for.
func l4World(t *testing.T) (*world, *x509.CertPool) {
	w := newWorld(t)
	pool := x509.NewCertPool()
	cert := certificate(t, pool, "*.tls.test")
	for i, name := range []string{"one", "two"} {
		who := name
		serveTCP(t, w.address(20+i)+":3306", func(c net.Conn) {
			fmt.Fprintln(c, who)
			r := bufio.NewReader(c)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				fmt.Fprint(c, who, " ", line)
			}
		})
		w.addService(&model.Service{Host: name + ".default.svc.cluster.local", Name: name, Namespace: "default", Resolution: model.ResolutionStatic,
			Ports: []model.Port{{Number: 3306, Name: "tcp", Protocol: model.TCP}}, LocalPorts: map[uint32]uint32{3306: uint32(16010 + i)}}, w.address(20+i))
	}
	for i, name := range []string{"a", "b"} {
		who := name
		serveTCP(t, w.address(22+i)+":443", func(c net.Conn) {
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
			if s.Handshake() == nil {
				fmt.Fprintln(s, who, s.ConnectionState().ServerName)
			}
		})
		w.addService(&model.Service{Host: name + ".tls.test", Namespace: "default", Resolution: model.ResolutionStatic, External: true,
			Ports: []model.Port{{Number: 443, Name: "tls", Protocol: model.TLS}}}, w.address(22+i))
	}
	return w, pool
}

func (w *world) addService(s *model.Service, at string) {
	w.snap.Services = append(w.snap.Services, s)
	w.eps = append(w.eps, &model.ServiceEndpoints{Service: s.Key(), Endpoints: []model.Endpoint{{Address: at, Health: model.Healthy, Weight: 1}}})
	w.eps.Sort()
}

// talk is a line protocol over a connection.
type talk struct {
	net.Conn
	r *bufio.Reader
}

func (w *world) talk(target string) talk {
	w.t.Helper()
	c, status, err := dialThrough(w.address(2)+":15001", target)
	if err != nil || c == nil {
		w.t.Fatalf("CONNECT %s: %d, %v", target, status, err)
	}
	w.t.Cleanup(func() { c.Close() })
	return talk{c, bufio.NewReader(c)}
}

// line reads one; "" is the end.
func (c talk) line() string {
	s, _ := c.r.ReadString('\n')
	return strings.TrimSpace(s)
}

func (c talk) say(s string) string {
	fmt.Fprintln(c, s)
	return c.line()
}

// name asks a TLS service by a server name through a tunnel.
func (w *world) name(target, sni string, pool *x509.CertPool) string {
	w.t.Helper()
	return said(tls.Client(w.talk(target).Conn, &tls.Config{ServerName: sni, RootCAs: pool}))
}

func tcpTable(name, host string, r ...model.L4Route) *model.RouteTable {
	return &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: name}, Hosts: []string{host}, Gateways: []string{model.MeshGateway}, TCP: r}
}

func toService(host string, port, weight uint32) model.Destination {
	return model.Destination{Host: host, Namespace: "default", Port: port, Weight: weight}
}

// TestTCPRouteEditsNeverTouchAListener moves connections by routes, weights
// and policies: new ones go by the new rule, open ones stay, no listener changes.
func TestTCPRouteEditsNeverTouchAListener(t *testing.T) {
	const one, two = "one.default.svc.cluster.local", "two.default.svc.cluster.local"
	w, _ := l4World(t)
	plane, envoy := translatePlane(t, w.resources())
	publish := func(edit string) { t.Helper(); plane.publish(edit, w.resources().Set()) }
	publish("first")
	open := w.talk("one:3306")
	if got := open.line(); got != "one" {
		t.Fatalf("%q", got)
	}
	modified := serveStat(t, envoy, "listener_manager.listener_modified")

	w.snap.Routes = []*model.RouteTable{tcpTable("r", one,
		model.L4Route{Name: "tcp[0]", Matches: []model.L4Match{{Port: 1}}, Destinations: []model.Destination{toService("none.test", 1, 1)}},
		model.L4Route{Name: "tcp[1]", Matches: []model.L4Match{{SourceLabels: map[string]string{"app": "other"}}}, Destinations: []model.Destination{toService("none.test", 1, 1)}},
		model.L4Route{Name: "tcp[2]", Matches: []model.L4Match{{Port: 3306, SourceLabels: map[string]string{"app": "page"}}}, Destinations: []model.Destination{toService(two, 3306, 1)}})}
	publish("route added")
	if got := w.talk("one:3306").line(); got != "two" {
		t.Errorf("by the route: %q", got)
	}
	if got := w.talk("two:3306").line(); got != "two" {
		t.Errorf("another service: %q", got)
	}
	local, err := net.Dial("tcp", w.address(2)+":16010")
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	if got := (talk{local, bufio.NewReader(local)}).line(); got != "two" {
		t.Errorf("by the local port: %q", got)
	}
	if got := open.say("still"); got != "one still" {
		t.Errorf("the open connection: %q", got)
	}

	w.snap.Routes = []*model.RouteTable{tcpTable("r", one, model.L4Route{Name: "tcp[0]", Destinations: []model.Destination{toService(one, 3306, 75), toService(two, 3306, 25)}})}
	publish("weights")
	seen := map[string]int{}
	for range 200 {
		c := w.talk("one:3306")
		seen[c.line()]++
		c.Close()
	}
	if seen["one"]+seen["two"] != 200 || seen["two"] < 25 || seen["two"] > 80 {
		t.Errorf("of 200 connections, 50 for two: %v", seen)
	}

	idle := model.Duration(300 * time.Millisecond)
	w.snap.Routes = nil
	w.snap.Destinations = append(w.snap.Destinations, &model.DestinationPolicy{Object: model.Ref{Kind: "DestinationRule", Namespace: "default", Name: "one"},
		Host: one, Policy: model.TrafficPolicy{ConnectionPool: &model.ConnectionPool{TCPIdleTimeout: &idle}}})
	publish("idle timeout")
	c := w.talk("one:3306")
	start := time.Now()
	if got := c.line(); got != "one" {
		t.Errorf("%q", got)
	}
	if got := c.line(); got != "" || time.Since(start) > 5*time.Second {
		t.Errorf("an idle connection: %q after %s", got, time.Since(start))
	}
	if got := open.say("still"); got != "one still" {
		t.Errorf("the open connection: %q", got)
	}
	if after := serveStat(t, envoy, "listener_manager.listener_modified"); after != modified {
		t.Errorf("listener_modified went from %s to %s", modified, after)
	}
	if n := serveStat(t, envoy, "listener_manager.total_filter_chains_draining"); n != "0" {
		t.Errorf("%s filter chains drain", n)
	}
}

// TestTLSRoutes sends TLS on by its server name, as declared, undecrypted. A
// new name changes the listener in place: open connections stay.
func TestTLSRoutes(t *testing.T) {
	w, pool := l4World(t)
	plane, envoy := translatePlane(t, w.resources())
	publish := func(edit string) { t.Helper(); plane.publish(edit, w.resources().Set()) }
	publish("first")
	for _, c := range []struct{ target, sni, want string }{
		{"a.tls.test:443", "a.tls.test", "a a.tls.test"},
		{"a.tls.test:443", "b.tls.test", "a b.tls.test"},
		{"reviews:9080", "b.tls.test", "b b.tls.test"}, // by the server name alone
	} {
		if got := w.name(c.target, c.sni, pool); got != c.want {
			t.Errorf("%s as %s: %q, want %q", c.target, c.sni, got, c.want)
		}
	}
	open := w.talk("one:3306")
	open.line()
	w.snap.Routes = []*model.RouteTable{{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: "r"}, Hosts: []string{"a.tls.test"}, Gateways: []string{model.MeshGateway},
		TLS: []model.L4Route{
			{Name: "tls[0]", Matches: []model.L4Match{{SNI: []string{"x.tls.test", "*.y.tls.test"}}, {SNI: []string{"z.tls.test"}, Port: 1}}, Destinations: []model.Destination{toService("b.tls.test", 443, 1)}},
			{Name: "tls[1]", Matches: []model.L4Match{{SNI: []string{"1.y.tls.test", "z.tls.test"}}}, Destinations: []model.Destination{toService("none.test", 443, 1)}},
		}}}
	publish("routes")
	for _, c := range []struct{ target, sni, want string }{
		{"a.tls.test:443", "a.tls.test", "a a.tls.test"},
		{"a.tls.test:443", "x.tls.test", "b x.tls.test"},
		{"b.tls.test:443", "x.tls.test", "b x.tls.test"},
		{"reviews:9080", "x.tls.test", "b x.tls.test"},
		{"a.tls.test:443", "z.tls.test", "EOF"}, // a destination that is not there
	} {
		if got := w.name(c.target, c.sni, pool); got != c.want {
			t.Errorf("with routes: %s as %s: %q, want %q", c.target, c.sni, got, c.want)
		}
	}
	// The first rule that matches wins, also over one that names the host.
	if got := serverSays(t, w.talk("a.tls.test:443"), "1.y.tls.test"); got != "b 1.y.tls.test" {
		t.Errorf("by a wildcard: %q", got)
	}
	if got := open.say("still"); got != "one still" {
		t.Errorf("the open connection: %q", got)
	}
	if n := serveStat(t, envoy, "listener_manager.total_listeners_draining"); n != "0" {
		t.Errorf("%s listeners drain: not changed in place", n)
	}
	if n := serveStat(t, envoy, "listener_manager.listener_in_place_updated"); n == "0" {
		t.Error("the listener was not changed in place")
	}
}

// serverSays asks a TLS server without checking its name.
func serverSays(t *testing.T, c net.Conn, sni string) string {
	t.Helper()
	return said(tls.Client(c, &tls.Config{ServerName: sni, InsecureSkipVerify: true}))
}

// said is the first line that a server says, or why there is none.
func said(c net.Conn) string {
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// TestAddressesOfServices opens tunnels to addresses: a service's own, and
// those of its ranges.
func TestAddressesOfServices(t *testing.T) {
	w, pool := l4World(t)
	for _, s := range w.snap.Services {
		switch s.Name {
		case "one":
			s.Addresses = []string{"240.1.1.1"}
		case "two":
			s.Addresses = []string{"240.2.0.0/15", "240.4.1.7/32"}
		}
	}
	w.addService(&model.Service{Host: "*.wild.test", Namespace: "default", Resolution: model.ResolutionStatic, External: true,
		Ports: []model.Port{{Number: 443, Name: "tls", Protocol: model.TLS}}}, w.address(22))
	w.start("page-v1", noOptions, "")
	for target, want := range map[string]string{"240.1.1.1:3306": "one", "240.2.7.7:3306": "two", "240.3.255.1:3306": "two", "240.4.1.7:3306": "two"} {
		if got := w.talk(target).line(); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	for _, target := range []string{"240.1.1.2:3306", "240.4.0.1:3306", "240.2.7.7:3307", "1240.2.7.7:3306"} {
		if c, status, _ := dialThrough(w.address(2)+":15001", target); c != nil || status != 502 {
			t.Errorf("%s: %d", target, status)
		}
	}
	if got := w.name("x.wild.test:443", "x.tls.test", pool); got != "a x.tls.test" {
		t.Errorf("a wildcard's host: %q", got)
	}
	harness.Until(t, time.Second, "server names of a wildcard", func() error {
		if got := serverSays(t, w.talk("reviews:9080"), "y.wild.test"); got != "a y.wild.test" {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}
