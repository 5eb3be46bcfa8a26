package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

const alice, bob = ".0.1", ".0.2"

// TestProtocols runs the mesh of testdata/protocols: two callers, and a
// service that speaks HTTP, gRPC, TLS and TCP.
func TestProtocols(t *testing.T) {
	m := small(t, "protocols")
	outside := outside(t, m)
	m.Start(t, "--quiet")

	t.Run("calls", func(t *testing.T) { callsOfApplications(t, m) })
	t.Run("policy", func(t *testing.T) { policyInsideTunnels(t, m) })
	t.Run("the source is known", func(t *testing.T) { sourceIsKnown(t, m) })
	t.Run("outside", func(t *testing.T) { callsOutside(t, m, outside) })
	t.Run("traffic", func(t *testing.T) { trafficOfSidecars(t, m) })
}

// outside is a server that is no part of the mesh, and its declarations.
func outside(t *testing.T, m *harness.Mesh) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "outside, as %s, from %s", r.Host, from)
	}))
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	m.Add(t, "outside.yaml", strings.ReplaceAll(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: by-address}
spec:
  hosts: [address.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: PORT}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: by-name}
spec:
  hosts: [name.test]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: localhost, ports: {http: PORT}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: by-entry}
spec:
  hosts: [entry.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: outside}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: outside}
spec: {address: 127.0.0.1, labels: {app: outside}, ports: {http: PORT}}
`, "PORT", port))
	return s
}

func callsOfApplications(t *testing.T, m *harness.Mesh) {
	for _, c := range []struct {
		name, kind, to, port string
		want                 func(called) bool
	}{
		{"HTTP", "http", "http://echo:8080/x", "", func(c called) bool {
			e := seen(t, c.Body)
			return c.Status == 200 && e.Host == "echo:8080" && e.Path == "/x" && e.From == "127.0.0.6"
		}},
		{"HTTP by full name", "http", "http://echo.default.svc.cluster.local:8080/x", "", func(c called) bool { return c.Status == 200 }},
		{"TLS passes through", "http", "https://echo:8443/x", "", func(c called) bool {
			e := seen(t, c.Body)
			return c.Status == 200 && e.ServerName == "echo" && c.Certificate == e.Who
		}},
		{"gRPC", "grpc", "echo:9090", "", func(c called) bool { return c.Code == "OK" && c.Body == "SERVING" }},
		{"gRPC by address of nobody", "grpc", "nobody:9090", "", func(c called) bool { return c.Code == "Unavailable" }},
		{"TCP in a tunnel", "tunnel", "echo:7000", "", talked},
		{"TCP in a tunnel by full name", "tunnel", "echo.default.svc.cluster.local:7000", "", talked},
		{"TCP on a port of the caller's own", "tcp", "ECHO", "_TCP", talked},
		{"TCP on the service's first port", "tcp", "ECHO", "", talked},
		{"unknown host", "http", "http://nobody/", "", func(c called) bool { return c.Status == 502 }},
		{"unknown port", "http", "http://echo:1234/", "", func(c called) bool { return c.Status == 502 }},
		{"unknown host in a tunnel", "tunnel", "nobody:7000", "", func(c called) bool { return c.Status == 502 }},
		{"unknown host by TLS", "http", "https://nobody/", "", func(c called) bool { return strings.Contains(c.Error, "Bad Gateway") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, m, alice, url.Values{"kind": {c.kind}, "to": {c.to}, "port": {c.port}})
			if !c.want(got) {
				t.Errorf("%s to %s came to %+v", c.kind, c.to, got)
			}
		})
	}
}

func talked(c called) bool {
	return c.Error == "" && strings.HasPrefix(c.Body, "hello from default/echo-") && strings.HasSuffix(c.Body, "heard ping\n")
}

// policyInsideTunnels calls as bob, whom a policy denies gRPC's health service
// and the TCP port.
func policyInsideTunnels(t *testing.T, m *harness.Mesh) {
	if c := call(t, m, bob, url.Values{"kind": {"http"}, "to": {"http://echo:8080/"}}); c.Status != 200 {
		t.Errorf("bob's HTTP call came to %+v, want 200", c)
	}
	if c := call(t, m, bob, url.Values{"kind": {"grpc"}, "to": {"echo:9090"}, "id": {"bob-by-grpc"}}); c.Code != "PermissionDenied" {
		t.Errorf("bob's gRPC call came to %+v, want PermissionDenied", c)
	}
	for _, q := range []url.Values{{"kind": {"tunnel"}, "to": {"echo:7000"}}, {"kind": {"tcp"}, "to": {"ECHO"}, "port": {"_TCP"}}} {
		if c := call(t, m, bob, q); c.Error == "" || strings.Contains(c.Body, "heard") {
			t.Errorf("bob's TCP connection (%s) came to %+v, want a refusal", q.Get("kind"), c)
		}
	}
	at := recordOf(t, m, "bob-by-grpc", "inbound")
	if err := wantAttributes(at, map[string]string{
		"krater.decision.policy":  "AuthorizationPolicy default/not-bob",
		"krater.decision.rule":    "AuthorizationPolicy/default/not-bob/rule[0]",
		"krater.decision.allowed": "false",
		"krater.source.workload":  "bob",
	}); err != nil {
		t.Error(err)
	}
}

func sourceIsKnown(t *testing.T, m *harness.Mesh) {
	for kind, to := range map[string]string{"http": "http://echo:8080/", "grpc": "echo:9090"} {
		id := "alice-by-" + kind
		call(t, m, alice, url.Values{"kind": {kind}, "to": {to}, "id": {id}})
		inbound, outbound := recordOf(t, m, id, "inbound"), recordOf(t, m, id, "outbound")
		if err := wantAttributes(inbound, map[string]string{"krater.source.workload": "alice", "krater.source.verified": "true"}); err != nil {
			t.Error(err)
		}
		if err := wantAttributes(outbound, map[string]string{"krater.proxy": "default/alice", "krater.destination.workload": inbound["krater.destination.workload"]}); err != nil {
			t.Error(err)
		}
	}
}

// recordOf waits for a request's record at one end of a call.
func recordOf(t *testing.T, m *harness.Mesh, id, direction string) map[string]string {
	t.Helper()
	var found map[string]string
	harness.Until(t, 20*time.Second, direction+" record of "+id, func() error {
		records, _ := harness.ReadTelemetry(t, filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl"))
		for _, r := range records {
			if r.Attributes["krater.request_id"] == id && r.Attributes["krater.direction"] == direction {
				found = r.Attributes
				return nil
			}
		}
		return fmt.Errorf("%d records, none of it", len(records))
	})
	return found
}

func callsOutside(t *testing.T, m *harness.Mesh, s *httptest.Server) {
	own := m.Network + alice
	for host, from := range map[string]string{"address.test": own, "entry.test": own, "name.test": "127.0.0.1"} { // a name may be anywhere
		var c called
		harness.Until(t, 10*time.Second, "an answer from outside", func() error { // a name takes time to resolve
			if c = call(t, m, alice, url.Values{"kind": {"http"}, "to": {"http://" + host + "/"}}); c.Status != 200 {
				return fmt.Errorf("%+v", c)
			}
			return nil
		})
		if want := "outside, as " + host + ", from " + from; c.Body != want {
			t.Errorf("%s answered %q, want %q", host, c.Body, want)
		}
	}
	s.Close()
	if c := call(t, m, alice, url.Values{"kind": {"http"}, "to": {"http://address.test/"}}); c.Status != 503 {
		t.Errorf("a host whose server is gone answered %+v, want 503", c)
	}
}
