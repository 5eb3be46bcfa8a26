package envoy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/test/harness"
)

const policydSource = `package authz

import input.attributes.request.http

user := http.headers["end-user"]

decision := {
  "allowed": true,
  "headers": {"x-user": user, "x-role": ["reader", "writer"]},
  "request_headers_to_remove": ["x-secret"],
  "response_headers_to_add": {"x-decided": "yes"},
  "query_parameters_to_set": {"tenant": "blue"},
  "dynamic_metadata": {"user": user},
} if {
  input.parsed_path[0] == "allow"
  user == "jason"
}

decision := {
  "allowed": false,
  "http_status": 401,
  "body": "who are you?",
  "headers": {"www-authenticate": "Bearer", "x-why": ["first", "second"]},
} if input.parsed_path[0] == "deny"

decision := {"allowed": false, "http_status": 409, "body": http.headers["x-a"]} if input.parsed_path[0] == "echo"

decision := {"allowed": false, "http_status": 409, "body": json.marshal([input.parsed_body, input.truncated_body])} if {
  input.parsed_path[0] == "body"
}
`

// policydQuestions are what the listeners of the test's Envoy ask.
var policydQuestions = []struct {
	name, policies string
	open           bool // Envoy's own failure mode
}{
	{name: "one", policies: "default/authz"},
	{name: "two", policies: "default/open,default/authz"},
	{name: "open", policies: "default/open", open: true},
	{name: "unknown", policies: "default/nobody"},
}

// policydMesh is an Envoy that asks a policyd, before an upstream that
// answers with the request it got.
type policydMesh struct {
	ports     map[string]int // by the question's name
	accessLog string
	stop      func() // ends policyd
}

func startPolicydMesh(t *testing.T) *policydMesh {
	t.Helper()
	dir := t.TempDir()
	mesh := &policydMesh{ports: map[string]int{}, accessLog: filepath.Join(dir, "access.log")}
	socket := filepath.Join(dir, "policyd.sock")
	mesh.stop = startPolicyd(t, socket)
	upstream := httptest.NewServer(http.HandlerFunc(echoRequest))
	t.Cleanup(upstream.Close)
	admin := harness.FreePort(t)
	var listeners strings.Builder
	for _, q := range policydQuestions {
		mesh.ports[q.name] = harness.FreePort(t)
		fmt.Fprintf(&listeners, policydListener, q.name, mesh.ports[q.name], mesh.accessLog, q.open, q.policies)
	}
	harness.StartEnvoy(t, fmt.Appendf(nil, policydBootstrap, admin, &listeners,
		strings.TrimPrefix(upstream.URL, "http://127.0.0.1:"), socket), admin)
	return mesh
}

func startPolicyd(t *testing.T, socket string) (stop func()) {
	t.Helper()
	service := policyd.New(policyd.Options{Listen: "unix:" + socket})
	policy := model.RegoPolicy{
		Object:  model.Ref{Kind: "RegoPolicy", Namespace: "default", Name: "authz"},
		Modules: []model.RegoModule{{Name: "authz.rego", Source: policydSource}},
		Query:   "data.authz.decision", Failure: model.FailClosed, Timeout: model.Duration(5 * time.Second), MaxBody: 32,
	}
	open := policy
	open.Object.Name, open.Query, open.Failure = "open", "data.authz.nothing", model.FailOpen
	for _, p := range service.Server().SetPolicies([]model.RegoPolicy{policy, open}) {
		if p.Severity == model.Error {
			t.Fatal(p)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("policyd ended with %v", err)
		}
	}
	t.Cleanup(stop)
	harness.Until(t, 10*time.Second, "policyd's socket", func() error {
		_, err := os.Stat(socket)
		return err
	})
	return stop
}

func echoRequest(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, r.URL.RequestURI())
	for _, name := range []string{"X-User", "X-Role", "X-Secret"} {
		fmt.Fprintf(w, "%s=%q\n", name, r.Header[name])
	}
}

// send gives the response and its body.
func (m *policydMesh) send(t *testing.T, question, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", m.ports[question], path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestPolicydInARealEnvoy(t *testing.T) {
	mesh := startPolicydMesh(t)

	t.Run("allowed with changes", func(t *testing.T) {
		res, body := mesh.send(t, "one", "GET", "/allow?a=1", "", "end-user", "jason", "x-user", "forged", "x-role", "forged", "x-secret", "s")
		want := "/allow?a=1&tenant=blue\nX-User=[\"jason\"]\nX-Role=[\"reader\" \"writer\"]\nX-Secret=[]\n"
		if joined := strings.Replace(want, `["reader" "writer"]`, `["reader,writer"]`, 1); res.StatusCode != 200 || (body != want && body != joined) {
			t.Errorf("got %d %s, wanted\n%s", res.StatusCode, body, want)
		}
		if res.Header.Get("x-decided") != "yes" {
			t.Errorf("the response's headers are %v", res.Header)
		}
	})
	t.Run("denied with everything", func(t *testing.T) {
		res, body := mesh.send(t, "one", "GET", "/deny", "")
		if res.StatusCode != 401 || body != "who are you?" || res.Header.Get("www-authenticate") != "Bearer" ||
			fmt.Sprint(res.Header["X-Why"]) != "[first second]" {
			t.Errorf("got %d %s %v", res.StatusCode, body, res.Header)
		}
	})
	t.Run("undefined is denied", func(t *testing.T) {
		if res, _ := mesh.send(t, "one", "GET", "/allow", ""); res.StatusCode != 403 {
			t.Errorf("got %d", res.StatusCode)
		}
	})
	t.Run("duplicate headers and raw bytes", func(t *testing.T) {
		_, body := mesh.send(t, "one", "GET", "/echo", "", "x-a", "1", "x-a", "\xe9", "x-a", "é")
		if body != "1,!,é" {
			t.Errorf("the policy saw %q", body)
		}
	})
	t.Run("a body", func(t *testing.T) {
		_, body := mesh.send(t, "one", "POST", "/body", `{"a": 1}`, "content-type", "application/json")
		if body != `[{"a":1},false]` {
			t.Errorf("the policy saw %s", body)
		}
		_, body = mesh.send(t, "one", "POST", "/body", `["`+strings.Repeat("x", 100)+`"]`, "content-type", "application/json")
		if body != `[null,true]` {
			t.Errorf("of a long body the policy saw %s", body)
		}
	})
	t.Run("several policies", func(t *testing.T) {
		if res, _ := mesh.send(t, "two", "GET", "/allow", "", "end-user", "jason"); res.StatusCode != 200 {
			t.Errorf("both allow, and the answer is %d", res.StatusCode)
		}
		if res, _ := mesh.send(t, "two", "GET", "/deny", ""); res.StatusCode != 401 {
			t.Errorf("the second denies, and the answer is %d", res.StatusCode)
		}
	})
	t.Run("an open policy without a verdict", func(t *testing.T) {
		if res, _ := mesh.send(t, "open", "GET", "/any", ""); res.StatusCode != 200 {
			t.Errorf("got %d", res.StatusCode)
		}
	})
	t.Run("an unknown policy", func(t *testing.T) {
		if res, _ := mesh.send(t, "unknown", "GET", "/any", ""); res.StatusCode != 403 {
			t.Errorf("got %d", res.StatusCode)
		}
	})

	mesh.stop()
	t.Run("policyd is away", func(t *testing.T) {
		if res, _ := mesh.send(t, "one", "GET", "/allow", "", "end-user", "jason"); res.StatusCode != 403 {
			t.Errorf("a closed policy answers %d", res.StatusCode)
		}
		if res, _ := mesh.send(t, "open", "GET", "/any", ""); res.StatusCode != 200 {
			t.Errorf("an open policy answers %d", res.StatusCode)
		}
	})
	t.Run("the access log names the decision", func(t *testing.T) {
		for _, want := range []string{
			"one 200 /allow?a=1&tenant=blue via_upstream policy=RegoPolicy default/authz rule=data.authz.decision set=cafe allowed=true reason= user=jason",
			"one 401 /deny ext_authz_denied policy=RegoPolicy default/authz rule=data.authz.decision set=cafe allowed=false reason= user=-",
			"one 403 /allow ext_authz_denied policy=RegoPolicy default/authz rule=data.authz.decision set=cafe allowed=false reason=undefined: data.authz.decision user=-",
			"open 200 /any via_upstream policy=RegoPolicy default/open rule=data.authz.nothing set=cafe allowed=true reason=undefined: data.authz.nothing user=-",
			"unknown 403 /any ext_authz_denied policy=RegoPolicy default/nobody rule= set=cafe allowed=false reason=unknown policy: it is not here (yet) user=-",
			"one 403 /allow ext_authz_error policy=- rule=- set=- allowed=- reason=- user=-",
		} {
			harness.Until(t, 30*time.Second, "the line "+want, func() error { // Envoy writes every 10 s
				log, err := os.ReadFile(mesh.accessLog)
				if err == nil && !strings.Contains(string(log), want+"\n") {
					err = fmt.Errorf("the access log is\n%s", log)
				}
				return err
			})
		}
	})
}

// policydListener takes a name, a port, a log file, a failure mode and policies.
const policydListener = `
  - name: %[1]s
    address: {socket_address: {address: 127.0.0.1, port_value: %[2]d}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: %[1]s
          access_log:
          - name: file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: %[3]s
              log_format:
                text_format_source:
                  inline_string: "%[1]s %%RESPONSE_CODE%% %%REQ(:PATH)%% %%RESPONSE_CODE_DETAILS%% policy=%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater:policy)%% rule=%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater:rule)%% set=%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater:policySet)%% allowed=%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater:allowed)%% reason=%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:krater:reason)%% user=%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:user)%%\n"
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: upstream}}]}
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: %[4]v
              validate_mutations: true
              with_request_body: {max_request_bytes: 32, allow_partial_message: true}
              grpc_service:
                envoy_grpc: {cluster_name: krater-policyd}
                timeout: 5s
                initial_metadata:
                - {key: krater-policies, value: "%[5]s"}
                - {key: krater-policy-set, value: cafe}
                - {key: krater-workload, value: default/test}
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`

// policydBootstrap takes the admin's port, listeners, the upstream's port and
// policyd's socket.
const policydBootstrap = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
static_resources:
  listeners:%s
  clusters:
  - name: upstream
    load_assignment:
      cluster_name: upstream
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]
  - name: krater-policyd
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: krater-policyd
      endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: %s}}}}]}]
`
