package envoy_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestAllowAny: calls to hosts that nobody declared go where they ask for, in
// absolute form and through CONNECT; a Sidecar may forbid it again.
func TestAllowAny(t *testing.T) {
	w := newWorld(t)
	w.snap.Mesh.Outbound = model.AllowAny
	w.start("page-v1", translate.Options{}, "")
	c := w.proxied()
	there := "http://" + w.address(4) + ":9080/x?y=1"
	if a := do(t, c, "GET "+there); a.StatusCode != 200 || a.echo.Who != "v2" || a.echo.Path != "/x?y=1" || a.echo.Host != w.address(4)+":9080" {
		t.Errorf("an address that is no service: %d, %+v", a.StatusCode, a.echo)
	}
	if a := do(t, c, "GET http://reviews:9080/x"); a.StatusCode != 200 {
		t.Errorf("a declared host: %d", a.StatusCode)
	}
	if a := do(t, c, "GET http://nobody.invalid/"); a.StatusCode != 503 {
		t.Errorf("a name that is none: %d, want 503", a.StatusCode)
	}
	conn, status, err := dialThrough(w.address(2)+":15001", w.address(5)+":9080")
	if err != nil || status != 200 {
		t.Fatalf("a tunnel: status %d, %v", status, err)
	}
	defer conn.Close()
	inside := client(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }})
	if a := do(t, inside, "GET http://"+w.address(5)+":9080/in"); a.echo.Who != "v3" {
		t.Errorf("in a tunnel: %d, %+v", a.StatusCode, a.echo)
	}
	x, err := explain.Explain(w.snap, w.eps, nil, explain.Request{From: "page-v1", Host: w.address(4) + ":9080", Path: "/x"})
	if err != nil || x.First.Route.Name != explain.RouteAllowAny || x.Outcomes[0].Cluster != "PassthroughCluster" || !x.Outcomes[0].Verdict.Upstream {
		t.Errorf("explained as %+v, %v", x, err)
	}
}
