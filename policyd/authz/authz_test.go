package authz_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/authz"
	"github.com/krater-mesh/krater/policyd/decisionlog"
	"github.com/krater-mesh/krater/policyd/rego"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps what was recorded, in order.
type recorder []decisionlog.Record

func (r *recorder) Record(d decisionlog.Record) { *r = append(*r, d) }

func policy(key, source string, more ...func(*model.RegoPolicy)) model.RegoPolicy {
	ns, name := model.ParseKey(key, "")
	p := model.RegoPolicy{
		Object:  model.Ref{Kind: "RegoPolicy", Namespace: ns, Name: name},
		Modules: []model.RegoModule{{Name: name + ".rego", Source: source}},
		Query:   "data.p.allow", Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(5e9),
	}
	for _, change := range more {
		change(&p)
	}
	return p
}

func open(p *model.RegoPolicy) { p.Failure = model.FailOpen }

// set puts policies into force that have no problems.
func set(t testing.TB, s *authz.Server, list ...model.RegoPolicy) {
	t.Helper()
	for _, p := range s.SetPolicies(list) {
		t.Errorf("a problem: %s", p)
	}
}

// dial serves checks in memory, and gives a client.
func dial(t testing.TB, s *authz.Server) authv3.AuthorizationClient {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:policyd", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("serving: %v", err)
		}
	})
	return authv3.NewAuthorizationClient(conn)
}

func asking(policies string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(),
		"krater-policies", policies, "krater-policy-set", "0123abcd", "krater-workload", "default/ratings-v1")
}

func get(path string, headers ...rego.Header) *authv3.CheckRequest {
	return rego.Request{Path: path, Headers: headers}.CheckRequest(0)
}

const (
	allowAll = "package p\n\nallow := true\n"
	denyAll  = "package p\n\nallow := false\n"
	nothing  = "package p\n\nallow if input.parsed_path[0] == \"never\"\n"
)

func TestCheck(t *testing.T) {
	var records recorder
	s := authz.New(authz.Options{Recorder: &records, Random: strings.NewReader(strings.Repeat("k", 1<<16))})
	problems := s.SetPolicies([]model.RegoPolicy{
		policy("a/allow", allowAll), policy("a/deny", denyAll), policy("a/undefined", nothing),
		policy("a/open", nothing, open), policy("a/broken", "package p\n\nallow :="),
		policy("a/teapot", "package p\n\nallow := {\"allowed\": false, \"http_status\": 429}\n"),
	})
	if len(problems) != 1 || problems[0].Object.Name != "broken" {
		t.Fatalf("problems are %v, wanted the broken policy's one", problems)
	}
	client := dial(t, s)
	for _, c := range []struct {
		policies, by, reason string
		allowed              bool
		status               int
		evaluated            int
	}{
		{policies: "a/allow", allowed: true, by: "a/allow", evaluated: 1},
		{policies: "a/deny", by: "a/deny", status: 403, evaluated: 1},
		{policies: "a/allow,a/teapot,a/deny", by: "a/teapot", status: 429, evaluated: 2},
		{policies: " a/allow , a/allow ", allowed: true, by: "a/allow", evaluated: 2},
		{policies: "a/undefined,a/allow", by: "a/undefined", status: 403, reason: "undefined: data.p.allow", evaluated: 1},
		{policies: "a/open,a/allow", allowed: true, by: "a/open", reason: "undefined: data.p.allow", evaluated: 2},
		{policies: "a/open,a/deny", by: "a/deny", status: 403, evaluated: 2},
		{policies: "a/allow,a/nobody", by: "a/nobody", status: 403, reason: "unknown policy: it is not here (yet)", evaluated: 2},
		{policies: "a/broken", by: "a/broken", status: 403, reason: "unknown policy: it does not compile", evaluated: 1},
		{policies: "", status: 403, reason: "unknown policy: the check names no policy"},
	} {
		t.Run(c.policies, func(t *testing.T) {
			records = nil
			response, err := client.Check(asking(c.policies), get("/"))
			if err != nil {
				t.Fatal(err)
			}
			if allowed := response.GetStatus().GetCode() == int32(codes.OK); allowed != c.allowed || allowed != (response.GetOkResponse() != nil) {
				t.Errorf("allowed is %v: %v", allowed, response)
			}
			if got := int(response.GetDeniedResponse().GetStatus().GetCode()); got != c.status {
				t.Errorf("the status is %d, wanted %d", got, c.status)
			}
			identity := response.GetDynamicMetadata().AsMap()[authz.KeyDecision].(map[string]any)
			want := map[string]any{
				"policy": "RegoPolicy " + c.by, "rule": "data.p.allow", "placement": "daemon", "policySet": "0123abcd",
				"decisionId": hex.EncodeToString([]byte(strings.Repeat("k", 16))), "allowed": c.allowed, "reason": c.reason,
			}
			if c.by == "" {
				want["policy"], want["rule"] = "", ""
			}
			if strings.HasPrefix(c.reason, "unknown") {
				want["rule"] = ""
			}
			if diff := cmp.Diff(want, identity); diff != "" {
				t.Errorf("the identity differs (-want +got):\n%s", diff)
			}
			if len(records) != c.evaluated {
				t.Errorf("%d records, wanted %d", len(records), c.evaluated)
			}
			for _, r := range records {
				if r.Workload != "default/ratings-v1" || r.DecisionID == "" {
					t.Errorf("a record without identity: %+v", r)
				}
			}
		})
	}
}

func TestDenialCarriesEverything(t *testing.T) {
	s := authz.New(authz.Options{})
	set(t, s, policy("a/teapot", `package p

allow := {"allowed": false, "http_status": 429, "body": "short and stout",
  "headers": {"x": ["1", "2"]}, "dynamic_metadata": {"krater": "forged", "mine": 1}}
`))
	response, err := dial(t, s).Check(asking("a/teapot"), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	denied := response.GetDeniedResponse()
	if denied.GetBody() != "short and stout" || len(denied.GetHeaders()) != 2 {
		t.Errorf("the denial is %v", denied)
	}
	for _, h := range denied.GetHeaders() { // with it, Envoy 1.40 drops the second value
		//lint:ignore SA1019 the field that Envoy reads
		if h.GetAppend() != nil {
			t.Errorf("a denial's header is marked to append: %v", h)
		}
	}
	metadata := response.GetDynamicMetadata().AsMap()
	if metadata["mine"] != 1.0 {
		t.Errorf("the policy's own metadata is %v", metadata)
	}
	if _, forged := metadata[authz.KeyDecision].(string); forged {
		t.Error("a policy forged the decision's identity")
	}
}

func TestEarlierPolicyIsNotOverridden(t *testing.T) {
	s := authz.New(authz.Options{})
	set(t, s,
		policy("a/first", `package p

allow := {"allowed": true, "headers": {"X-User": ["anna", "ann"]}, "request_headers_to_remove": ["authorization"],
  "response_headers_to_add": {"x-by": "first"}, "query_parameters_to_set": {"t": "1"}, "dynamic_metadata": {"k": "first"}}
`),
		policy("a/second", `package p

allow := {"allowed": true, "headers": {"x-user": "root", "authorization": "forged", "x-other": "o"},
  "request_headers_to_remove": ["x-user", "cookie"], "response_headers_to_add": {"x-by": "second"},
  "query_parameters_to_set": {"t": "2", "T": "3"}, "query_parameters_to_remove": ["t", "debug"], "dynamic_metadata": {"k": "second", "l": "second"}}
`))
	response, err := dial(t, s).Check(asking("a/first,a/second"), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	ok := response.GetOkResponse()
	var headers, added, query []string
	for _, h := range ok.GetHeaders() {
		//lint:ignore SA1019 the field that Envoy reads
		headers = append(headers, fmt.Sprintf("%s=%s(%v)", h.GetHeader().GetKey(), h.GetHeader().GetValue(), h.GetAppend().GetValue()))
	}
	for _, h := range ok.GetResponseHeadersToAdd() {
		added = append(added, h.GetHeader().GetKey()+"="+h.GetHeader().GetValue())
	}
	for _, q := range ok.GetQueryParametersToSet() {
		query = append(query, q.GetKey()+"="+q.GetValue())
	}
	metadata := response.GetDynamicMetadata().AsMap()
	got := fmt.Sprint(headers, ok.GetHeadersToRemove(), added, query, ok.GetQueryParametersToRemove(), metadata["k"], metadata["l"])
	want := "[X-User=anna(false) X-User=ann(true) x-other=o(false)] [authorization cookie] [x-by=first x-by=second] [t=1 T=3] [debug]firstsecond"
	if got != want {
		t.Errorf("merged is\n%s, wanted\n%s", got, want)
	}
}

func TestBrokenPolicyLeavesTheLastGood(t *testing.T) {
	s := authz.New(authz.Options{})
	client := dial(t, s)
	check := func(policy string) bool {
		t.Helper()
		response, err := client.Check(asking(policy), get("/"))
		if err != nil {
			t.Fatal(err)
		}
		return response.GetOkResponse() != nil
	}
	s.SetPolicies([]model.RegoPolicy{policy("a/p", allowAll), policy("a/other", denyAll)})
	problems := s.SetPolicies([]model.RegoPolicy{policy("a/p", "package p\n\nallow := [\n"), policy("a/other", allowAll)})
	if !problems.HasErrors() || problems[0].Code != model.CodeBadRego || !strings.Contains(problems[0].Message, "p.rego:") {
		t.Errorf("the problem has no place: %v", problems)
	}
	if !check("a/p") {
		t.Error("a broken edit replaced the last good version")
	}
	if !check("a/other") {
		t.Error("a broken policy kept another one's edit back")
	}
	if problems := s.SetPolicies([]model.RegoPolicy{policy("a/p", denyAll)}); problems.HasErrors() || check("a/p") {
		t.Errorf("the mended policy is not in force: %v", problems)
	}
	if check("a/other") {
		t.Error("a policy that was taken away still allows")
	}
}

func TestChecksWhilePoliciesChange(t *testing.T) {
	s := authz.New(authz.Options{})
	both := func(source string) []model.RegoPolicy {
		return []model.RegoPolicy{policy("a/p", source)}
	}
	s.SetPolicies(both(allowAll))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.SetPolicies(both(fmt.Sprintf("package p\n\nallow := true\n\nn := %d\n", i)))
			}
		}
	}()
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("krater-policies", "a/p"))
	for range 500 {
		response, err := s.Check(ctx, get("/"))
		if err != nil || response.GetOkResponse() == nil {
			t.Fatalf("a check during a reload: %v, %v", response, err)
		}
	}
	close(stop)
	<-done
}

func TestNoRandomnessIsNoAnswer(t *testing.T) {
	s := authz.New(authz.Options{Random: strings.NewReader("")})
	_, err := s.Check(context.Background(), get("/"))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("wanted Unavailable, got %v", err)
	}
}

func TestRequestWithoutHTTP(t *testing.T) {
	s := authz.New(authz.Options{})
	s.SetPolicies([]model.RegoPolicy{policy("a/p", allowAll)})
	for _, r := range []*authv3.CheckRequest{nil, {}, {Attributes: &authv3.AttributeContext{}}} {
		response, err := s.Check(metadata.NewIncomingContext(context.Background(), metadata.Pairs("krater-policies", "a/p")), r)
		if err != nil || response.GetDeniedResponse() == nil {
			t.Errorf("%v is answered by %v, %v", r, response, err)
		}
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var records recorder
	s := authz.New(authz.Options{Logger: logger, Recorder: &records})
	set(t, s,
		policy("a/conflict", "package p\n\nallow := input.attributes.request.http.headers[h] if some h in [\"token\", \":path\"]\n"),
		policy("a/type", "package p\n\nallow := input.attributes.request.http.headers.token\n"),
		policy("a/keys", "package p\n\nallow := {input.attributes.request.http.headers.token: x | some x in [1, 2]}\n"))
	for _, p := range []string{"a/conflict", "a/type", "a/keys"} {
		response, err := s.Check(metadata.NewIncomingContext(context.Background(), metadata.Pairs("krater-policies", p)),
			get("/hushhush", rego.Header{Name: "token", Value: "hushhush"}))
		if err != nil || response.GetDeniedResponse() == nil {
			t.Fatalf("%s is answered by %v, %v", p, response, err)
		}
		if strings.Contains(response.String(), "hushhush") {
			t.Errorf("%s: the answer tells a header's value: %v", p, response)
		}
	}
	for _, r := range records {
		decisionlog.Log(logger, slog.LevelInfo)(r)
	}
	if strings.Contains(out.String(), "hushhush") || !strings.Contains(out.String(), "conflict") {
		t.Errorf("the log is %s", &out)
	}
}
