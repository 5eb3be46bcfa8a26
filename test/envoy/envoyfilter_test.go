package envoy_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// documentedPatches are the examples of docs/envoyfilter.md, by name.
func documentedPatches(t *testing.T) map[string][]*model.EnvoyPatch {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs/envoyfilter.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]*model.EnvoyPatch{}
	for i, block := range strings.Split(string(text), "```yaml\n")[1:] {
		yaml, _, _ := strings.Cut(block, "```")
		yaml = strings.ReplaceAll(yaml, "app: productpage", "app: page") // this world's
		for _, p := range patchesOf(t, yaml) {
			out[p.Object.Name] = append(out[p.Object.Name], p)
		}
		if len(out) != i+1 {
			t.Fatalf("example %d has no patch", i)
		}
	}
	return out
}

// patchesOf reads an EnvoyFilter.
func patchesOf(t *testing.T, yaml string) []*model.EnvoyPatch {
	t.Helper()
	objects, _, problems := crds.Parse("envoyfilter.yaml", []byte(yaml))
	var out []*model.EnvoyPatch
	for _, o := range objects {
		entry, more := crds.Convert(o, crds.Options{})
		problems = append(problems, more...)
		for _, p := range entry.Content.Patches {
			out = append(out, &p)
		}
	}
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return out
}

// TestDocumentedEnvoyFilters applies each example of the page, one after the
// other, to a running proxy, and sees what it does.
func TestDocumentedEnvoyFilters(t *testing.T) {
	w, _ := l4World(t)
	plain := strings.Repeat("compress me ", 50)
	w.serves(9080, model.HTTP, w.app("page", "127.0.0.1:0", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			rw.WriteHeader(400)
		}
		rw.Header().Set("content-type", "text/plain")
		fmt.Fprint(rw, plain)
	})))
	w.snap.Services = w.snap.Services[:len(w.snap.Services)-1]
	w.snap.Workloads[0].Ports = w.snap.Workloads[0].Ports[1:]
	plane, envoy := translatePlane(t, w.resources())
	examples := documentedPatches(t)
	publish := func(name string) {
		t.Helper()
		if len(examples[name]) == 0 && name != "" {
			t.Fatalf("no example %s", name)
		}
		w.snap.Patches = examples[name]
		mark := plane.mark()
		plane.publish("patches: "+name, w.resources().Set())
		if refused, _ := plane.since(mark, serve.EventNacked); len(refused) > 0 {
			t.Errorf("%s: %v", name, refused[0].Detail)
		}
	}
	in := func(request string, headers ...string) answer {
		t.Helper()
		method, path, _ := strings.Cut(request, " ")
		return do(t, client(&http.Transport{DisableCompression: true}), method+" http://"+w.address(2)+":9080"+path, headers...)
	}
	publish("local-rate-limit")
	if a, b, c := in("GET /").StatusCode, in("GET /").StatusCode, in("GET /").StatusCode; a != 200 || b != 200 || c != 429 {
		t.Errorf("local rate limit: %d %d %d", a, b, c)
	}
	publish("body-size")
	res, err := http.Post("http://"+w.address(2)+":9080/", "text/plain", strings.NewReader(strings.Repeat("x", 5000)))
	if err != nil || res.StatusCode != 413 {
		t.Errorf("body size: %v, %v", res, err)
	}
	publish("gzip")
	if a := in("GET /", "accept-encoding: gzip"); a.Header.Get("content-encoding") != "gzip" || len(a.body) >= len(plain) {
		t.Errorf("gzip: %d %v", len(a.body), a.Header)
	}
	publish("lua-header")
	if a := do(t, w.proxied(), "GET http://reviews:9080/x"); a.echo.Headers.Get("x-lua") != "was here" {
		t.Errorf("lua: %+v", a.echo)
	}
	publish("connect-timeout")
	if dump := serveAdmin(t, envoy, "/config_dump?resource=dynamic_active_clusters&name_regex=outbound.9080..reviews.*"); !strings.Contains(dump, `"connect_timeout": "0.250s"`) {
		t.Errorf("connect timeout: %s", dump)
	}
	publish("routes")
	if a := do(t, w.proxied(), "GET http://reviews:9080/teapot"); a.StatusCode != 418 || a.Header.Get("x-patched") != "host" {
		t.Errorf("an inserted route: %d %v", a.StatusCode, a.Header)
	}
	if a := do(t, w.proxied(), "GET http://made-up.test/"); a.body != "made up" {
		t.Errorf("an added virtual host: %d %q", a.StatusCode, a.body)
	}
	publish("managers")
	harness.Until(t, 5*time.Second, "the patched connection manager", func() error {
		if a := in("GET /"); a.Header.Get("server") != "patched" {
			return fmt.Errorf("%v", a.Header)
		}
		return nil
	})
	c := w.talk("one:3306")
	start := time.Now()
	if first, then := c.line(), c.line(); first != "one" || then != "" || time.Since(start) > 5*time.Second {
		t.Errorf("TCP idle: %q %q", first, then)
	}
	if dump := serveAdmin(t, envoy, "/config_dump?resource=dynamic_listeners"); !strings.Contains(dump, `"per_connection_buffer_limit_bytes": 32768`) {
		t.Error("the listener was not patched")
	}
	publish("")
	if a := in("GET /"); a.StatusCode != 200 || a.Header.Get("server") == "patched" {
		t.Errorf("without patches: %d %v", a.StatusCode, a.Header)
	}
}

// TestARefusedPatchTakesNothingDown has Envoy refuse patches of each kind, of
// a running proxy and of one that starts: traffic goes on.
func TestARefusedPatchTakesNothingDown(t *testing.T) {
	const lua = `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: bad, namespace: default}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: ANY, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}}}}
    patch:
      operation: INSERT_BEFORE
      value:
        name: bad
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
          default_source_code: {inline_string: "this is not lua("}
`
	const rest = `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: bad, namespace: default}
spec:
  configPatches:
  - applyTo: VIRTUAL_HOST
    match: {context: SIDECAR_OUTBOUND}
    patch:
      operation: ADD
      value: {name: taken, domains: ["reviews:9080"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}
  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND}
    patch:
      operation: ADD
      value: {name: bad, type: STRICT_DNS, load_assignment: {cluster_name: bad, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: /x}}}}]}]}}
  - applyTo: NETWORK_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}}
    patch:
      operation: MERGE
      value:
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          http_filters: [{name: after-the-router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}]
`
	w := newWorld(t)
	good := w.resources()
	check := func(what string) {
		t.Helper()
		for url, status := range map[string]int{"http://reviews:9080/x": 200, "http://nobody.test/": 502} {
			if a := do(t, w.proxied(), "GET "+url); a.StatusCode != status {
				t.Errorf("%s: %s answers %d", what, url, a.StatusCode)
			}
		}
		if a := do(t, client(newTransport()), "GET http://"+w.address(2)+":9080/"); a.StatusCode != 200 {
			t.Errorf("%s: inbound answers %d", what, a.StatusCode)
		}
	}
	refused := func(plane *servePlane, yaml string) translate.Resources {
		t.Helper()
		w.snap.Patches = patchesOf(t, yaml)
		bad := w.resources()
		if plane == nil {
			return bad
		}
		mark := plane.mark()
		plane.send("bad", bad.Set())
		harness.Until(t, 20*time.Second, "the refusal", func() error {
			if events, _ := plane.since(mark, serve.EventNacked); len(events) == 0 {
				return fmt.Errorf("none")
			}
			return nil
		})
		return bad
	}
	t.Run("while it runs", func(t *testing.T) {
		plane, _ := translatePlane(t, good)
		plane.publish("good", good.Set())
		for _, yaml := range []string{lua, rest} {
			refused(plane, yaml)
			check("a running proxy")
		}
		w.snap.Patches = nil
		plane.publish("good again", w.resources().Set())
		check("after it")
	})
	t.Run("when it starts", func(t *testing.T) {
		translatePlane(t, refused(nil, lua))
		// Until the server has found the one that is refused, all wait.
		harness.Until(t, 15*time.Second, "the proxy to serve", func() error {
			if a := do(t, w.proxied(), "GET http://reviews:9080/x"); a.StatusCode != 200 {
				return fmt.Errorf("%d", a.StatusCode)
			}
			return nil
		})
		check("a proxy that starts")
	})
}

func serveAdmin(t *testing.T, e *harness.Envoy, path string) string {
	t.Helper()
	res, err := http.Get(e.Admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return string(body)
}
