package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// meshStatus is what `krater status -o json` promises to programs.
type meshStatus struct {
	Mesh, Snapshot string
	At             time.Time
	Proxies        []clientStatus
	Daemons        []clientStatus
	Modules        []struct {
		URL, Digest string
		Size        int64
		Filters     []string
		Proxies     int
	}
	Problems []struct {
		Code, Severity, Field, Message string
		Object                         struct{ Kind, Name string }
	}
}

type clientStatus struct {
	ID, Address string
	Gateway     bool
	Connected   bool
	Types       map[string]struct {
		State, Detail string
		Count         int
	}
}

func TestStatusTellsAll(t *testing.T) {
	m := shared.get(t)
	var s meshStatus
	m.KraterJSON(t, &s, "status", "--wait")
	if s.Mesh != "bookinfo" || s.Snapshot == "" || s.At.IsZero() || len(s.Problems) != 0 {
		t.Errorf("mesh %q, snapshot %q of %s, problems %v", s.Mesh, s.Snapshot, s.At, s.Problems)
	}
	if len(s.Proxies) != 7 || len(s.Daemons) != 2 {
		t.Fatalf("%d proxies and %d daemons, want 7 and 2", len(s.Proxies), len(s.Daemons))
	}
	for _, p := range s.Proxies {
		if !p.Connected || !strings.HasPrefix(p.Address, m.Network+".0.") || p.Gateway != (p.ID == "istio-system/istio-ingressgateway") {
			t.Errorf("%+v", p)
		}
		for _, name := range []string{"CDS", "EDS", "ECDS", "LDS", "RDS", "VHDS"} {
			if got := p.Types[name]; got.State != "SYNCED" || got.Count == 0 {
				t.Errorf("%s %s: %+v", p.ID, name, got)
			}
		}
	}
	for i, want := range []struct{ id, resource string }{{"krater/policyd", "RegoPolicy"}, {"krater/collector", "TelemetryBackend"}} {
		if d := s.Daemons[i]; d.ID != want.id || !d.Connected || d.Types[want.resource].State != "SYNCED" || d.Types[want.resource].Count == 0 {
			t.Errorf("daemon %+v, want %v", d, want)
		}
	}
	if len(s.Modules) != 1 || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(s.Modules[0].Digest) || s.Modules[0].Size == 0 ||
		s.Modules[0].Proxies != 1 || fmt.Sprint(s.Modules[0].Filters) != "[Filter default/mixed]" {
		t.Errorf("modules: %+v", s.Modules)
	}
}

// TestWasmIsOnlyWhereARuleNeedsIt asks each Envoy what it runs.
func TestWasmIsOnlyWhereARuleNeedsIt(t *testing.T) {
	m := shared.get(t)
	var s meshStatus
	m.KraterJSON(t, &s, "status", "--wait")
	for _, p := range s.Proxies {
		stats := mustAsk(t, "GET", "http://"+p.Address+":15000/stats?filter=^wasm", "").body
		dump := mustAsk(t, "GET", "http://"+p.Address+":15000/config_dump?include_eds", "").body
		needs := p.ID == "default/productpage-v1"
		if has := regexp.MustCompile(`wasm[a-z0-9_.]*active: [1-9]`).MatchString(stats); has != needs {
			t.Errorf("%s runs Wasm: %t, want %t\n%s", p.ID, has, needs, stats)
		}
		if has := strings.Contains(dump, strings.TrimPrefix(s.Modules[0].Digest, "sha256:")); has != needs {
			t.Errorf("%s is configured with the module: %t, want %t", p.ID, has, needs)
		}
	}
}

// TestARefusalShows publishes what Envoy refuses, and wants it told with the
// last good still in force; also a second time, when Envoy has seen it before.
func TestARefusalShows(t *testing.T) {
	m := shared.get(t)
	for _, c := range []struct{ name, column, proxy, detail, text string }{
		{"cluster", "CDS", "default/productpage-v1", "cluster provided LB", `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: refused}
spec:
  configPatches:
  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND, cluster: {service: details.default.svc.cluster.local}}
    patch: {operation: MERGE, value: {lb_policy: CLUSTER_PROVIDED}}
`},
		{"filter", "ECDS", "default/details-v1", "script load error", `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: refused}
spec:
  workloadSelector: {labels: {app: details}}
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}}}}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.lua
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
          default_source_code: {inline_string: "this is no Lua"}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(m.Dir, "refused.yaml")
			t.Cleanup(func() { os.Remove(file) })
			for range 2 {
				m.Add(t, "refused.yaml", c.text)
				harness.Until(t, 30*time.Second, "the refusal to show", func() error { return refusal(t, m, c.column, c.proxy, c.detail) })
				if a := mustAsk(t, "GET", m.Gateway+"/api/v1/products/0", ""); a.status != 200 {
					t.Errorf("details answers %d with a refused %s", a.status, c.name)
				}
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				harness.Until(t, 20*time.Second, "all to be good again", func() error {
					if out, code := m.Krater(t, "status"); code != 0 {
						return fmt.Errorf("exit code %d:\n%s", code, out)
					}
					return nil
				})
			}
		})
	}
}

// refusal is nil where status tells of one.
func refusal(t *testing.T, m *harness.Mesh, column, proxy, detail string) error {
	out, code := m.Krater(t, "status", "-o", "json")
	var s meshStatus
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		return err
	}
	for _, p := range s.Proxies {
		if got := p.Types[column]; p.ID == proxy && (got.State != "NACK" || !strings.Contains(got.Detail, detail)) {
			return fmt.Errorf("%s %s: %+v", proxy, column, got)
		}
	}
	for _, p := range s.Problems {
		if p.Code == "KR0013" && strings.HasPrefix(p.Message, "the proxy "+proxy+" refused ") && strings.Contains(p.Message, "("+column+")") && strings.Contains(p.Message, detail) {
			if code != 1 {
				return fmt.Errorf("exit code %d, want 1", code)
			}
			return nil
		}
	}
	return fmt.Errorf("no Problem of it: %+v", s.Problems)
}

// TestTranslatedBootstrapServes runs an Envoy with what `krater translate -o
// envoy` prints for the gateway, in a network of its own, and sends it a
// request that it routes to an application.
func TestTranslatedBootstrapServes(t *testing.T) {
	m := harness.Sample(t, "samples/bookinfo")
	app := &http.Server{Addr: m.Network + ".0.2:9080", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the page at %s, asked from %s", r.URL.Path, r.RemoteAddr)
	})}
	go func() { _ = app.ListenAndServe() }()
	t.Cleanup(func() { app.Close() })
	out, code := m.Krater(t, "translate", m.Dir, "--proxy", "istio-ingressgateway", "-o", "envoy", "--modules", filepath.Join(m.State, "modules"))
	if code != 0 {
		t.Fatalf("krater translate: exit code %d", code)
	}
	harness.StartEnvoyAt(t, []byte(out), "http://"+m.Network+".0.1:15000")
	a := wantStatus(t, 20*time.Second, 200, "GET", m.Gateway+"/productpage", "")
	if !strings.HasPrefix(a.body, "the page at /productpage, asked from "+m.Network+".0.1:") {
		t.Errorf("answered %q", a.body)
	}
	if a := mustAsk(t, "GET", m.Gateway+"/nowhere", ""); a.status != 404 {
		t.Errorf("a path that no route has: %d, want 404", a.status)
	}
}

// TestProxyConfigOfALiveProxy asks a running Envoy, and filters what it tells.
func TestProxyConfigOfALiveProxy(t *testing.T) {
	m := shared.get(t)
	for _, c := range []struct{ args, want, not string }{
		{"listeners productpage-v1", "15001 +all +routes outbound", "gateway"},
		{"routes productpage-v1 --fqdn reviews.default.svc.cluster.local", "cluster outbound\\|9080\\|v2\\|reviews", "ratings"},
		{"clusters productpage-v1 --subset v2", "reviews.default.svc.cluster.local +9080 +v2 +outbound +EDS", "v1"},
		{"endpoints productpage-v1 --fqdn details.default.svc.cluster.local", m.Network + `\.\d+\.\d+:9080 +HEALTHY .* default/details-v1`, "reviews"},
		{"filters productpage-v1 --direction inbound", "authorization +slot", "gateway"},
		{"secrets productpage-v1", "NOT AFTER", "PRIVATE"},
	} {
		out, code := m.Krater(t, append([]string{"proxy-config"}, strings.Fields(c.args)...)...)
		if code != 0 || !regexp.MustCompile(c.want).MatchString(out) || strings.Contains(out, c.not) {
			t.Errorf("proxy-config %s: exit code %d, want %q and no %q\n%s", c.args, code, c.want, c.not, out)
		}
	}
}
