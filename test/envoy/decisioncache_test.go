package envoy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/test/harness"
)

// marking is an authorization that marks its decisions as a cache wants them,
// and counts how often it is asked. It denies /no.
type marking struct {
	authv3.UnimplementedAuthorizationServer
	policySet atomic.Value
	asked     atomic.Int64
}

func (m *marking) Check(_ context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	m.asked.Add(1)
	word, body, out := "ALLOW", "", &authv3.CheckResponse{Status: &status.Status{}}
	if r.GetAttributes().GetRequest().GetHttp().GetPath() == "/no" {
		word, body = "DENY", " who are you?"
		out.Status.Code = 7
		out.HttpResponse = &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode_Unauthorized}, Body: "who are you?",
			Headers: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: "www-authenticate", Value: "Bearer"}}}}}
	}
	out.DynamicMetadata, _ = structpb.NewStruct(map[string]any{"krater_cache": fmt.Sprintf("%s k1 %s 60000%s", m.policySet.Load(), word, body)})
	return out, nil
}

// TestDecisionsAreKeptInARealEnvoy: an authorization is asked once for a
// decision that it marked, allowed or refused, and again for another caller.
func TestDecisionsAreKeptInARealEnvoy(t *testing.T) {
	authorization := &marking{}
	authorization.policySet.Store("set1")
	socket := filepath.Join(t.TempDir(), "a.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, authorization)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello "+r.URL.Path) }))
	t.Cleanup(upstream.Close)
	port, admin := harness.FreePort(t), harness.FreePort(t)
	harness.StartEnvoy(t, cachingBootstrap(port, admin, builtinFile(t), socket, upstream.Listener.Addr()), admin)
	get := func(path, who string) string {
		req, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("authorization", who)
		res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return fmt.Sprintf("%d %s %s", res.StatusCode, res.Header.Get("www-authenticate"), body)
	}
	for i, c := range []struct {
		path, who, want string
		asked           int64
	}{
		{"/yes", "me", "200  hello /yes", 1}, {"/yes", "me", "200  hello /yes", 1}, {"/yes", "you", "200  hello /yes", 2}, {"/yes", "me", "200  hello /yes", 2},
		{"/no", "me", "401 Bearer who are you?", 3}, {"/no", "me", "401 Bearer who are you?", 3}, {"/other", "me", "200  hello /other", 4},
	} {
		if have := get(c.path, c.who); have != c.want || authorization.asked.Load() != c.asked {
			t.Errorf("%d: %s: %q after %d questions; want %q, %d", i, c.path, have, authorization.asked.Load(), c.want, c.asked)
		}
	}
	authorization.policySet.Store("set2") // it is ahead of the proxy
	for range 2 {
		get("/new", "me")
	}
	if n := authorization.asked.Load(); n != 6 {
		t.Errorf("asked %d times: a decision of other policies was kept", n)
	}
}

func cachingBootstrap(port, admin int, wasm, socket string, upstream net.Addr) []byte {
	return fmt.Appendf(nil, `admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
static_resources:
  listeners:
  - name: l
    address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          http_filters:
          - name: cache
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: decisioncache
                root_id: decisioncache
                failure_policy: FAIL_CLOSED
                vm_config: {vm_id: test, runtime: envoy.wasm.runtime.v8, code: {local: {filename: %q}}}
                configuration:
                  "@type": type.googleapis.com/google.protobuf.StringValue
                  value: '{"policySet":"set1","keyId":"k1","token":"0123456789abcdef","allowMillis":60000,"denyMillis":60000,"answer":{},
                    "inputs":[{"header":":path"},{"header":"authorization"}],"denyHeaders":["www-authenticate","content-type"]}'
          - name: ask
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher
              xds_matcher:
                matcher_list:
                  matchers:
                  - predicate:
                      single_predicate:
                        input: {name: i, typed_config: {"@type": type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.FilterStateInput, key: wasm.krater.decision}}
                        value_match: {exact: 0123456789abcdef}
                    on_match: {action: {name: skip, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter}}}
              extension_config:
                name: ext_authz
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                  transport_api_version: V3
                  grpc_service: {envoy_grpc: {cluster_name: authorization}, timeout: 5s}
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: upstream}}]}
  clusters:
  - name: upstream
    load_assignment: {cluster_name: upstream, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: %s}}}]}]}
  - name: authorization
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: authorization, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: %s}}}}]}]}
`, admin, port, wasm, wasmAddress(upstream), socket)
}
