package envoy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// attributeRow is one source of an attribute, where it is drawn, and requests
// by value: whatever one reader of it sees, the others do too.
type attributeRow struct {
	attribute model.Attribute
	native    bool                       // drawn without Wasm
	send      func(value string) request // value as the request carries it
	raw       [4]string                  // values: plain, denied, limited, and one that makes none
	canonical [3]string                  // of the first three, as they are drawn
	pattern   [2]string                  // what a condition names for denied and limited; "": canonical
}

// request is what a row sends.
type request struct {
	path, body string
	headers    [][2]string
	token      map[string]any // claims of a verified token
}

func inHeader(name string) func(string) request {
	return func(v string) request { return request{headers: [][2]string{{name, v}}} }
}

func inClaim(name string, value func(string) any) func(string) request {
	return func(v string) request { return request{token: map[string]any{name: value(v)}} }
}

func text(v string) any { return v }

func grpcMessage(field byte, value string) string {
	message := string([]byte{field<<3 | 2, byte(len(value))}) + value
	return string([]byte{0, 0, 0, 0, byte(len(message))}) + message
}

func attributeRows() []attributeRow {
	words := [3]string{"plain", "evil", "some"}
	raw := [4]string{"plain", "evil", "some", ""}
	return []attributeRow{
		{model.Attribute{Name: "header", Header: "x-h"}, true, inHeader("x-h"), raw, words, [2]string{}},
		{model.Attribute{Name: "cel", CEL: "request.headers['x-a'] == 'evil' ? 'evil' : request.headers['x-a']"}, true, inHeader("x-a"), raw, words, [2]string{}},
		{model.Attribute{Name: "flag", Type: "bool", Typed: true, CEL: "request.method == 'PUT'"}, true,
			func(v string) request { return request{headers: [][2]string{{":method", v}}} },
			[4]string{"GET", "PUT", "HEAD", ""}, [3]string{"false", "true", "false"}, [2]string{"true", "never"}},
		{model.Attribute{Name: "claim", Claim: []string{"sub"}}, true, inClaim("sub", text), raw, words, [2]string{}},
		{model.Attribute{Name: "int", Type: "int", Header: "x-n"}, false, inHeader("x-n"), [4]string{"007", "13", "+1", "x"}, [3]string{"7", "13", ""}, [2]string{"13", "99"}},
		{model.Attribute{Name: "cookie", Cookie: "sid"}, false, func(v string) request { return request{headers: [][2]string{{"cookie", "a=b; sid=" + v}}} }, raw, words, [2]string{}},
		{model.Attribute{Name: "query", Query: "q"}, false, func(v string) request { return request{path: "?q=" + v} }, raw, words, [2]string{}},
		{model.Attribute{Name: "path", Path: "/path/{}"}, false, func(v string) request { return request{path: "/" + v} }, raw, words, [2]string{}},
		{model.Attribute{Name: "json", JSON: "/user/id"}, false, func(v string) request {
			return request{headers: [][2]string{{"content-type", "application/json"}}, body: `{"user":{"id":"` + v + `"}}`}
		}, raw, words, [2]string{}},
		{model.Attribute{Name: "grpc", GRPC: []uint32{1}}, false, func(v string) request {
			return request{headers: [][2]string{{"content-type", "application/grpc"}}, body: grpcMessage(1, v)}
		}, raw, words, [2]string{}},
		{model.Attribute{Name: "list", Type: "list", Header: "x-l"}, false, inHeader("x-l"),
			[4]string{"a, b", "a,evil,b", "some", ","}, [3]string{"a,b", "a,evil,b", "some"}, [2]string{"evil", "some"}},
		{model.Attribute{Name: "groups", Type: "list", Claim: []string{"https://x.test/groups"}}, false,
			inClaim("https://x.test/groups", func(v string) any { return []any{"dev", v} }), [4]string{"plain", "evil", "some", ","},
			[3]string{"dev,plain", "dev,evil", "dev,some"}, [2]string{"evil", "some"}},
		{model.Attribute{Name: "address", Type: "ip", CEL: "request.headers['x-ip']"}, false, inHeader("x-ip"),
			[4]string{"2001:DB8::0:1", "::ffff:10.0.0.1", "10.0.0.2", "10.0.0.2:80"}, [3]string{"2001:db8::1", "10.0.0.1", "10.0.0.2"}, [2]string{}},
		{model.Attribute{Name: "wasm", Wasm: "found.score"}, true, inHeader("x-score"), raw, words, [2]string{}},
		{model.Attribute{Name: "score", Type: "double", Wasm: "found.number"}, false, inHeader("x-number"),
			[4]string{"1.50", "2e1", "0.30", "much"}, [3]string{"1.5", "20", "0.3"}, [2]string{}},
	}
}

// named is what conditions name for a denied (0) and a limited (1) value.
func (r attributeRow) named(i int) string {
	if r.pattern[i] != "" {
		return r.pattern[i]
	}
	return r.canonical[i+1]
}

// questions is a policyd that keeps what it was asked last, and allows.
type questions struct {
	authv3.UnimplementedAuthorizationServer
	mu   sync.Mutex
	last []string
}

func (q *questions) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = nil
	md, _ := metadata.FromIncomingContext(ctx)
	for key, values := range md {
		if strings.HasPrefix(key, "krater-attribute-") {
			q.last = append(q.last, values...)
		}
	}
	return &authv3.CheckResponse{Status: &status.Status{}}, nil
}

func (q *questions) told() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last
}

func (q *questions) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = nil
}

// matrix is a proxy with all rows, and all that read them.
type matrix struct {
	t     *testing.T
	w     *world
	rows  []attributeRow
	asked *questions
	log   *records
	key   tokenKey
	envoy *harness.Envoy
	count int
}

func newMatrix(t *testing.T, redact bool) *matrix {
	m := &matrix{t: t, w: newWorld(t), rows: attributeRows(), asked: &questions{}, log: &records{got: map[string][]*accesslogdata.HTTPAccessLogEntry{}}, key: newTokenKey(t)}
	ref := func(kind string) model.Ref { return model.Ref{Kind: kind, Namespace: "default", Name: "all"} }
	set := &model.AttributeSet{Object: ref("AttributeSet"), MaxBody: 200}
	deny := policyOf("d", model.Deny)
	rule := &model.TelemetryRule{Object: ref("TelemetryRule"), Logs: []model.Log{{Name: "all"}}}
	for _, r := range m.rows {
		a := r.attribute
		a.Redact = redact && a.Query == "" && a.Path == ""
		set.Attributes = append(set.Attributes, a)
		is := func(i int) []model.Condition {
			return []model.Condition{{Attribute: a.Name, Values: strs(model.Exact, r.named(i))}}
		}
		deny.Rules = append(deny.Rules, model.AuthorizationRule{When: is(0)})
		m.w.snap.Limits = append(m.w.snap.Limits, &model.Limit{Object: ref("RateLimit"), Name: a.Name, When: is(1), Key: []string{"attribute." + a.Name},
			Requests: 1, Burst: 1, Per: model.Duration(time.Hour), Scope: model.ScopeProxy})
		rule.Logs[0].Fields = append(rule.Logs[0].Fields, model.Expression{Name: a.Name, Value: "attribute." + a.Name},
			model.Expression{Name: "is_" + a.Name, Value: "has(attribute." + a.Name + ")"})
	}
	slices.SortFunc(rule.Logs[0].Fields, func(a, b model.Expression) int { return strings.Compare(a.Name, b.Name) })
	m.w.snap.Mesh.AccessLog = true
	m.w.snap.Attributes = []*model.AttributeSet{set}
	m.w.snap.Authorization = []*model.AuthorizationPolicy{deny}
	m.w.snap.Rego = []*model.RegoPolicy{{Object: ref("RegoPolicy"), Failure: model.FailClosed, Timeout: model.Duration(5 * time.Second)}}
	m.w.snap.Telemetry = []*model.TelemetryRule{rule}
	builtin := harness.Builtin(t)
	m.w.snap.Filters = []*model.FilterBinding{{Object: ref("Filter"), Module: model.Module{URL: "builtin:attributes", Digest: builtin.Builtin.Digest}, RootID: "attributes", Phase: model.PhaseAuthn, Failure: model.FilterFailClosed,
		Config: `{"attributes":[{"name":"found.score","from":{"header":"x-score"}},{"name":"found.number","from":{"header":"x-number"}}]}`}}
	m.start(builtin)
	return m
}

func (m *matrix) start(o translate.Options) {
	t := m.t
	serve := func(name string, register func(*grpc.Server)) string {
		socket := filepath.Join(t.TempDir(), name)
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		register(server)
		go server.Serve(l)
		t.Cleanup(server.Stop)
		return socket
	}
	policyd := serve("p", func(s *grpc.Server) { authv3.RegisterAuthorizationServer(s, m.asked) })
	als := serve("a", func(s *grpc.Server) { accesslogv3.RegisterAccessLogServiceServer(s, m.log) })
	m.w.snap.Seal()
	m.w.eps.Sort()
	admin := harness.FreePort(t)
	c := translateCase{Workload: "page-v1", Snapshot: m.w.snap, Endpoints: m.w.eps}
	resources, problems := translate.Translate(c.Snapshot, c.Endpoints, c.proxy(t), o)
	for _, p := range problems {
		if p.Severity == model.Error {
			t.Errorf("%v", p)
		}
	}
	m.verifyTokens(resources)
	base := translateBase(admin, policyd, als)
	base.ClusterManager = callsFrom(c.proxy(t))
	b, err := translate.StaticWithKeys(resources, base)
	if err != nil {
		t.Fatal(err)
	}
	config, err := translate.BootstrapJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	m.envoy = harness.StartEnvoy(t, config, admin)
}

// send sends a row's request, and gives its status and its id. A gRPC call's
// refusal is 200 with a status of its own.
func (m *matrix) send(r attributeRow, raw string) (answer int, id string) {
	m.t.Helper()
	m.count++
	q := r.send(raw)
	req, err := http.NewRequest("POST", fmt.Sprintf("http://%s:9080/%s%s", m.w.address(2), r.attribute.Name, q.path), io.NopCloser(strings.NewReader(q.body)))
	if err != nil {
		m.t.Fatal(err)
	}
	if req.Method = "GET"; q.body == "" {
		req.Body = nil
	} else {
		req.Method = "POST"
	}
	for _, h := range q.headers {
		if h[0] == ":method" {
			req.Method = h[1]
		} else {
			req.Header.Add(h[0], h[1])
		}
	}
	if q.token != nil {
		req.Header.Set("authorization", "Bearer "+m.key.token(m.t, q.token))
	}
	id = fmt.Sprintf("00000000-0000-4000-8000-%012d", m.count)
	req.Header.Set("x-request-id", id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	switch res.Header.Get("grpc-status") {
	case "7":
		return 403, id
	case "8":
		return 429, id
	}
	return res.StatusCode, id
}

// tags waits for the record of a request.
func (m *matrix) tags(log, id string) (tags map[string]string) {
	m.t.Helper()
	harness.Until(m.t, 10*time.Second, "the record of "+id, func() error {
		m.log.mu.Lock()
		defer m.log.mu.Unlock()
		for _, e := range m.log.got[log] {
			if e.GetRequest().GetRequestId() == id {
				tags = e.GetCommonProperties().GetCustomTags()
				return nil
			}
		}
		return fmt.Errorf("%d records", len(m.log.got[log]))
	})
	return tags
}

// explained is what explain says of the same request: the value, and whether it
// is denied, and charged.
func (m *matrix) explained(r attributeRow, raw string) (value string, denied, charged bool) {
	q := r.send(raw)
	v := explain.View{Method: "GET", Path: "/" + r.attribute.Name + q.path, Body: q.body, Headers: explain.Headers{}, Given: map[string]string{}}
	if q.body != "" {
		v.Method = "POST"
	}
	for _, h := range q.headers {
		if h[0] == ":method" {
			v.Method = h[1]
		} else {
			v.Headers[h[0]] = append(v.Headers[h[0]], h[1])
		}
	}
	for _, claim := range q.token { // an explanation is told what only a proxy sees
		switch c := claim.(type) {
		case string:
			v.Given[r.attribute.Name] = c
		case []any:
			v.Given[r.attribute.Name] = fmt.Sprintf(`["%s","%s"]`, c...)
		}
	}
	if r.attribute.Wasm != "" {
		v.Given[r.attribute.Name] = raw
	}
	v.Attributes = explain.Attributes{}
	drawn, maxBody, _ := model.AttributesOf(m.w.snap.Attributes, m.w.snap.Workloads[0])
	for _, a := range drawn {
		if value, ok, _ := explain.Draw(a, v, maxBody); ok {
			v.Attributes[a.Name] = explain.Drawn{Value: value, Type: a.Type}
		}
	}
	_, rule := explain.Authorize(m.w.snap.Authorization, model.Deny, m.w.snap.Workloads[0], v)
	for _, l := range m.w.snap.Limits {
		charged = charged || explain.Charge(*l, v).Charged
	}
	return v.Attributes[r.attribute.Name].Value, rule != "", charged
}

// TestAttributesMatrix: each source, drawn by the proxy or by the filter, is
// the same to policies, limits, policyd, records and explanations.
func TestAttributesMatrix(t *testing.T) {
	m := newMatrix(t, false)
	var records []func()
	for _, r := range m.rows {
		for i, raw := range r.raw {
			want := ""
			if i < 3 {
				want = r.canonical[i]
			} else if r.attribute.Name == "flag" { // which every request has
				continue
			}
			id := m.check(r, raw, want, i)
			records = append(records, func() {
				tags, fields := m.tags("requests", id), m.tags("rule/default/all/all", id)
				name := r.attribute.Name
				if tags["attribute."+name] != want || fields["field."+name] != want || fields["field.is_"+name] != fmt.Sprint(want != "") {
					t.Errorf("%s %q: recorded %q and %q, %q; want %q", name, raw, tags["attribute."+name], fields["field."+name], fields["field.is_"+name], want)
				}
			})
		}
	}
	for _, look := range records { // which come in bunches
		look()
	}
	m.forgedTokens()
}

// check sends a value of a row, and holds what policies, limits and policyd
// make of it against what is explained.
func (m *matrix) check(r attributeRow, raw, want string, i int) (id string) {
	m.t.Helper()
	t, name := m.t, r.attribute.Name
	kind := r.attribute.Type
	if kind == "" {
		kind = model.AttributeString
	}
	value, denied, charged := m.explained(r, raw)
	if value != want || denied != (i == 1) {
		t.Errorf("%s %q: explain draws %q, want %q; denies %t", name, raw, value, want, denied)
	}
	m.asked.forget()
	status, id := m.send(r, raw)
	if wantStatus := map[bool]int{true: 403, false: 200}[denied]; status != wantStatus {
		t.Errorf("%s %q: %d, explain says %d", name, raw, status, wantStatus)
	}
	if told := m.asked.told(); !denied && !slices.Contains(told, name+"="+string(kind)+":"+want) {
		t.Errorf("%s %q: policyd was told %q", name, raw, told)
	}
	if charged {
		if status, _ := m.send(r, raw); status != 429 {
			t.Errorf("%s %q: the second request gets %d", name, raw, status)
		}
	} else if i == 2 && r.pattern[1] == "" {
		t.Errorf("%s %q: no limit counts it", name, raw)
	}
	return id
}

// forgedTokens: who signs a token himself has no claim.
func (m *matrix) forgedTokens() {
	m.t.Helper()
	m.key = newTokenKey(m.t)
	for _, r := range m.rows {
		if len(r.attribute.Claim) == 0 {
			continue
		}
		status, id := m.send(r, "plain")
		if tags := m.tags("requests", id); tags["attribute."+r.attribute.Name] != "" || status != 401 {
			m.t.Errorf("a forged token: %d, %v", status, tags)
		}
	}
}

// TestRedactedAttributesStayInTheProxy: policies and limits read them, and
// nothing that leaves the proxy holds them.
func TestRedactedAttributesStayInTheProxy(t *testing.T) {
	m := newMatrix(t, true)
	var records []func()
	for _, r := range m.rows {
		a, secret := r.attribute, r.canonical[1]
		if a.Query != "" || a.Path != "" || a.Type == model.AttributeBool {
			continue
		}
		m.asked.forget()
		if status, _ := m.send(r, r.raw[0]); status != 200 {
			t.Errorf("%s: %d", a.Name, status)
		}
		for _, told := range m.asked.told() {
			if strings.HasPrefix(told, a.Name+"=") {
				t.Errorf("%s: policyd was told %q", a.Name, told)
			}
		}
		status, id := m.send(r, r.raw[1])
		if status != 403 {
			t.Errorf("%s: a policy does not see it: %d", a.Name, status)
		}
		records = append(records, func() {
			for _, log := range []string{"requests", "rule/default/all/all"} {
				for name, value := range m.tags(log, id) {
					if name == "krater.policy_set" { // a hash, which may hold any digits
						continue
					}
					if strings.Contains(value, secret) || name == "attribute."+a.Name || name == "field."+a.Name {
						t.Errorf("%s: %s of %s tells %q", a.Name, name, log, value)
					}
				}
			}
		})
	}
	for _, look := range records {
		look()
	}
	var pages bytes.Buffer
	for _, page := range []string{"/stats", "/config_dump?include_eds"} {
		res, err := http.Get(m.envoy.Admin + page)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(&pages, res.Body)
		res.Body.Close()
	}
	for _, secret := range []string{"2001:db8::1", "dev,plain"} {
		if strings.Contains(pages.String(), secret) || strings.Contains(m.envoy.Log.String(), secret) {
			t.Errorf("the proxy's pages or log tell %q", secret)
		}
	}
}
