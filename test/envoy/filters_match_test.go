package envoy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// enteredModule is a filter that does nothing but to count the streams whose
// contexts are made in its VM: whatever Envoy calls for a stream, that is first.
func enteredModule() []byte {
	const count, name, result = 0x00, 16, 8
	m := assemble.Filter()
	m.Imports = []assemble.Import{
		{Module: "env", Name: "proxy_define_metric", Type: "iiii:i"},
		{Module: "env", Name: "proxy_increment_metric", Type: "iI:i"},
	}
	m.Data = []assemble.Data{{Offset: name, Bytes: []byte("entered")}}
	constant := func(n int32) []byte { return append([]byte{assemble.Const}, assemble.I32(n)...) }
	for i, f := range m.Funcs {
		switch f.Export {
		case "proxy_on_configure":
			m.Funcs[i].Body = concat(constant(count), constant(name), constant(int32(len("entered"))), constant(result),
				[]byte{assemble.Call, 0, assemble.Drop}, constant(1))
		case "proxy_on_context_create": // parent != 0: a stream's
			m.Funcs[i].Body = concat([]byte{0x20, 1, 0x04, assemble.Empty}, constant(result), []byte{0x28, 2, 0, 0x42, 1, assemble.Call, 1, assemble.Drop, assemble.End})
		}
	}
	return m.Bytes()
}

func concat(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// placeModule puts a module where a world's proxies find it.
func placeModule(t *testing.T, o translate.Options, code []byte) model.Module {
	t.Helper()
	sum := sha256.Sum256(code)
	digest := hex.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(o.ModuleDir, digest+".wasm"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	return model.Module{URL: "file:///entered.wasm", Digest: "sha256:" + digest, Size: int64(len(code))}
}

// filterWorld is a world whose proxies may have filters.
type filterWorld struct {
	*world
	o       translate.Options
	entered model.Module
	plane   *servePlane
	envoy   *harness.Envoy
}

func newFilterWorld(t *testing.T, workload string) *filterWorld {
	w := &filterWorld{world: newWorld(t), o: harness.Builtin(t)}
	w.entered = placeModule(t, w.o, enteredModule())
	w.snap.Routes = []*model.RouteTable{{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: "reviews"}, Hosts: []string{reviewsHost},
		Gateways: []string{model.MeshGateway, "default/edge"}, HTTP: []model.HTTPRoute{
			{Name: "two", Matches: []model.HTTPMatch{{Path: &model.StringMatch{Kind: model.Prefix, Value: "/two"}}}, Destinations: []model.Destination{to("v2", 1)}},
			{Name: "rest", Destinations: []model.Destination{to("v1", 1)}}}}}
	w.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "default", Name: "edge"}, Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}},
		Servers: []model.GatewayServer{{Port: 80, Protocol: model.HTTP, Hosts: []string{"*"}}}}}
	w.plane, w.envoy = translatePlane(t, w.translated(workload))
	return w
}

func (w *filterWorld) translated(workload string) translate.Resources {
	w.t.Helper()
	w.snap.Seal()
	at, _ := w.snap.Workload(workload)
	r, problems := translate.Translate(w.snap, w.eps, at, w.o)
	if len(problems) > 0 {
		w.t.Fatal(problems)
	}
	return r
}

// count is how many streams entered the counting filter's VM so far.
func (w *filterWorld) count() int {
	n, _ := strconv.Atoi(w.envoy.Stat(w.t, "wasmcustom.entered"))
	return n
}

// counting is the counting filter.
func (w *filterWorld) counting(change func(*model.FilterBinding)) *model.FilterBinding {
	f := &model.FilterBinding{Object: model.Ref{Kind: "Filter", Namespace: "default", Name: "entered"}, Module: w.entered, Phase: model.PhaseDefault,
		Match: []model.TrafficMatch{{Mode: model.Server}}, Failure: model.FilterFailClosed}
	change(f)
	return f
}

// says is the headers filter that tells which of its configurations ran.
func (w *filterWorld) says(name, config string, change func(*model.FilterBinding)) *model.FilterBinding {
	f := &model.FilterBinding{Object: model.Ref{Kind: "Filter", Namespace: "default", Name: name}, Module: w.o.Builtin, RootID: "headers", Phase: model.PhaseDefault,
		Config: saying(config), Match: []model.TrafficMatch{{Mode: model.Server}}, Failure: model.FilterFailClosed}
	f.Module.URL = "builtin:headers"
	change(f)
	return f
}

func saying(word string) string { return `{"request":{"add":{"x-ran":"` + word + `"}}}` }

// sent is a request, and what became of it.
type sent struct {
	line, headers string // headers: "name: value", one a line
	ran           string // x-ran as the upstream got it
	entered       bool
	status        int // 0: 200
}

func (w *filterWorld) check(name, base string, requests []sent) {
	w.t.Helper()
	for _, r := range requests {
		before := w.count()
		method, target, _ := strings.Cut(r.line, " ")
		c := client(newTransport())
		if base == "" {
			c = w.proxied()
		}
		a := do(w.t, c, method+" "+base+target, strings.Split(r.headers, "\n")...)
		if want := max(r.status, 0); a.StatusCode != want && (want != 0 || a.StatusCode != 200) {
			w.t.Errorf("%s: %s %q: %d", name, r.line, r.headers, a.StatusCode)
		}
		if got := strings.Join(a.echo.Headers.Values("x-ran"), ","); got != r.ran {
			w.t.Errorf("%s: %s %q: ran %q, want %q", name, r.line, r.headers, got, r.ran)
		}
		if r.entered {
			harness.Until(w.t, 5*time.Second, "the VM to be entered", func() error { return notYet(w.count() > before) })
		} else if w.count() != before {
			w.t.Errorf("%s: %s %q entered the VM", name, r.line, r.headers)
		}
	}
}

// TestARequestThatNoFilterMatchesNeverEntersItsVM counts contexts in a guest:
// Envoy makes one before it calls anything for a stream, its end included.
func TestARequestThatNoFilterMatchesNeverEntersItsVM(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	match := func(m ...model.RequestMatch) func(*model.FilterBinding) {
		return func(f *model.FilterBinding) { f.Requests = m }
	}
	w.snap.Filters = []*model.FilterBinding{
		w.counting(match(
			model.RequestMatch{Path: model.StringMatch{Kind: model.Prefix, Value: "/api"}, Methods: []string{"GET", "PUT"}},
			model.RequestMatch{Path: model.StringMatch{Kind: model.Exact, Value: "/one"}},
			model.RequestMatch{Path: model.StringMatch{Kind: model.Regex, Value: "/a.*b"}},
			model.RequestMatch{Hosts: []string{"web.example.com", "*.example.org"}},
			model.RequestMatch{Headers: map[string]model.StringMatch{"x-try": {Kind: model.Exact, Value: "yes"}, "x-there": {Kind: model.Present}}})),
		w.says("routes", "own", func(f *model.FilterBinding) {
			f.Routes = []model.FilterRoute{
				{Match: model.RequestMatch{Path: model.StringMatch{Kind: model.Exact, Value: "/health"}}, Disabled: true},
				{Match: model.RequestMatch{Headers: map[string]model.StringMatch{"x-other": {Kind: model.Present}}}, Config: saying("other")},
			}
		}),
	}
	w.plane.publish("filters", w.translated("page-v1").Set())
	requests := []sent{
		{line: "GET /", ran: "own"},
		{line: "GET /api/x?y=1", ran: "own", entered: true},
		{line: "POST /api/x", ran: "own"},
		{line: "GET /one?x", ran: "own", entered: true},
		{line: "GET /one/", ran: "own"},
		{line: "GET /axb", ran: "own", entered: true},
		{line: "GET /ax?b", ran: "own"},
		{line: "GET /", headers: "host: WEB.example.com:9080", ran: "own", entered: true},
		{line: "GET /", headers: "host: a.example.org", ran: "own", entered: true},
		{line: "GET /", headers: "host: example.org", ran: "own"},
		{line: "GET /", headers: "x-try: yes\nx-there: 1", ran: "own", entered: true},
		{line: "GET /", headers: "x-try: yes", ran: "own"},
		{line: "GET /health", ran: ""},
		{line: "GET /health", headers: "x-other: 1", ran: ""},
		{line: "GET /", headers: "x-other: 1", ran: "other"},
	}
	w.check("served", "http://"+w.address(2)+":9080", requests)
	for _, r := range requests {
		if strings.Contains(r.headers, "host:") {
			continue // explain would not come to page by it
		}
		runs := w.explainedFilters(r)
		if got := !runs["Filter default/entered"].Passed; got != r.entered {
			t.Errorf("explain says that %s %q enters: %v", r.line, r.headers, got)
		}
		own := runs["Filter default/routes"]
		if got := map[bool]string{true: "", false: map[bool]string{true: "other", false: "own"}[own.Why != ""]}[own.Passed]; got != r.ran {
			t.Errorf("explain says that %s %q runs %q (%s), want %q", r.line, r.headers, got, own.Why, r.ran)
		}
	}
}

// explainedFilters are what explain says of the filters before page.
func (w *filterWorld) explainedFilters(r sent) map[string]explain.FilterRun {
	w.t.Helper()
	method, path, _ := strings.Cut(r.line, " ")
	headers := explain.Headers{}
	for line := range strings.SplitSeq(r.headers, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			headers[name] = []string{value}
		}
	}
	x, err := explain.Explain(w.snap, w.pageEndpoint(), nil, explain.Request{From: "page-v1", Host: "page.default.svc.cluster.local:9080", Method: method, Path: path, Headers: headers})
	if err != nil || x.Outcomes[0].Server == nil {
		w.t.Fatalf("%s: %v, %+v", r.line, err, x.Outcomes)
	}
	out := map[string]explain.FilterRun{}
	for _, s := range x.Outcomes[0].Server.Chain {
		if s.Filter != nil {
			out[s.Filter.Filter] = *s.Filter
		}
	}
	return out
}

// pageEndpoint is where page is served, for explain.
func (w *filterWorld) pageEndpoint() model.Endpoints {
	return model.Endpoints{{Service: model.ServiceKey{Host: "page.default.svc.cluster.local", Namespace: "default"},
		Endpoints: []model.Endpoint{{Address: w.address(2), Workload: "default/page-v1", Health: model.Healthy, Weight: 1}}}}
}

// TestAFilterByVirtualServiceRouteAndPort: what a workload sends, by an
// explicit proxy whose ports share a listener.
func TestAFilterByVirtualServiceRouteAndPort(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	byRoute := func(f *model.FilterBinding) {
		f.Match = []model.TrafficMatch{{Mode: model.Client}}
		f.Routes = []model.FilterRoute{{Route: "default/reviews/two", Config: saying("two")}, {Route: "default/other", Config: saying("never")}}
	}
	w.snap.Filters = []*model.FilterBinding{
		w.counting(func(f *model.FilterBinding) {
			f.Match = []model.TrafficMatch{{Mode: model.Client, Ports: []uint32{9080}}}
		}),
		w.says("by-route", "own", byRoute),
	}
	w.plane.publish("by route", w.translated("page-v1").Set())
	at := "http://reviews.default.svc.cluster.local:9080"
	w.check("sent", "", []sent{
		{line: "GET " + at + "/", ran: "own", entered: true},
		{line: "GET " + at + "/two/x", ran: "two", entered: true},
	})
	before := w.count() // inside a tunnel the name has no port
	inside := &http.Client{Transport: w.transport(reviewsHost + ":9080"), Timeout: 10 * time.Second}
	if a := do(t, inside, "GET http://"+reviewsHost+"/two"); strings.Join(a.echo.Headers.Values("x-ran"), ",") != "two" {
		t.Errorf("inside a tunnel ran %q", a.echo.Headers.Values("x-ran"))
	}
	harness.Until(t, 5*time.Second, "the VM to be entered", func() error { return notYet(w.count() > before) })
	w.snap.Filters[0] = w.counting(func(f *model.FilterBinding) {
		f.Match = []model.TrafficMatch{{Mode: model.Client, Ports: []uint32{80, 9081}}}
	})
	w.plane.publish("another port", w.translated("page-v1").Set())
	w.check("another port", "", []sent{{line: "GET " + at + "/", ran: "own"}})
}

// TestFiltersOfLuaAndMissingModules: a script, and what stands in the place of
// modules that cannot be had, at a sidecar and at a gateway.
func TestFiltersOfLuaAndMissingModules(t *testing.T) {
	lua := func(name, code string) *model.FilterBinding {
		return &model.FilterBinding{Object: model.Ref{Kind: "TrafficExtension", Namespace: "default", Name: name}, Type: model.FilterLua, Lua: code,
			Phase: model.PhaseAuthn, Failure: model.FilterFailOpen}
	}
	missing := func(failure model.FilterFailure, path string) *model.FilterBinding {
		return &model.FilterBinding{Object: model.Ref{Kind: "Filter", Namespace: "default", Name: "gone-" + path[1:]}, Module: model.Module{URL: "oci://example.com/gone:v1"},
			Phase: model.PhaseStats, Failure: failure, Requests: []model.RequestMatch{{Path: model.StringMatch{Kind: model.Exact, Value: path}}}}
	}
	for workload, base := range map[string]string{"page-v1": ":9080", "edge": ":8080"} {
		t.Run(workload, func(t *testing.T) {
			w := newFilterWorld(t, workload)
			at := map[string]string{"page-v1": "http://" + w.address(2), "edge": "http://" + w.address(1)}[workload] + base
			w.snap.Filters = []*model.FilterBinding{
				lua("good", `function envoy_on_request(h) h:headers():add("x-ran", "lua") end`),
				lua("trips", `function envoy_on_request(h) error("no") end`),
				missing(model.FilterFailClosed, "/closed"), missing(model.FilterFailReload, "/reload"), missing(model.FilterFailOpen, "/open"),
				w.counting(func(f *model.FilterBinding) { f.Match = []model.TrafficMatch{{Mode: model.Server, NotGateways: true}} }),
			}
			w.plane.publish("filters", w.translated(workload).Set())
			host, served := "host: "+reviewsHost, workload == "page-v1"
			w.check(workload, at, []sent{
				{line: "GET /", headers: host, ran: "lua", entered: served},
				{line: "GET /closed", headers: host, status: 503, entered: served},
				{line: "GET /reload", headers: host, status: 503, entered: served},
				{line: "GET /open", headers: host, ran: "lua", entered: served},
			})
			for path, status := range map[string]uint32{"/": 200, "/closed": 503, "/reload": 503, "/open": 200} {
				if x, err := explain.Explain(w.snap, w.pageEndpoint(), nil, explain.Request{From: "page-v1", Host: "page.default.svc.cluster.local:9080", Path: path}); err != nil || x.Outcomes[0].Verdict.Status != status {
					t.Errorf("explain of %s: %v, %+v", path, err, x.Outcomes)
				}
			}
		})
	}
}

// TestNeighboursOfKratersOwnAreOneFilter: in their order, each with its own
// configuration, and not where they fail in other ways.
func TestNeighboursOfKratersOwnAreOneFilter(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	only := func(f *model.FilterBinding) {
		f.Requests = []model.RequestMatch{{Path: model.StringMatch{Kind: model.Prefix, Value: "/some"}}}
	}
	w.snap.Filters = []*model.FilterBinding{w.says("b", "b", only), w.says("a", "a", only),
		w.says("c", "c", func(f *model.FilterBinding) { only(f); f.Failure = model.FilterFailOpen })}
	w.plane.publish("three", w.translated("page-v1").Set())
	w.check("three", "http://"+w.address(2)+":9080", []sent{{line: "GET /some", ran: "a,b,c"}, {line: "GET /other"}})
	names := map[string]bool{}
	for _, e := range w.translated("page-v1").Extensions {
		for _, name := range []string{"Filter default/a, Filter default/b", "Filter default/c", "Filter default/b"} {
			if strings.Contains(string(e.TypedConfig.Value), "\n"+string(rune(len(name)))+name) {
				names[name] = true
			}
		}
	}
	if !names["Filter default/a, Filter default/b"] || !names["Filter default/c"] || names["Filter default/b"] {
		t.Errorf("the Wasm filters are %v", names)
	}
}

func notYet(done bool) error {
	if done {
		return nil
	}
	return errors.New("not yet")
}
