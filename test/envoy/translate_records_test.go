package envoy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// records is an access log service that keeps what it got.
type records struct {
	accesslogv3.UnimplementedAccessLogServiceServer
	mu  sync.Mutex
	got map[string][]*accesslogdata.HTTPAccessLogEntry // by log name
}

func (r *records) StreamAccessLogs(s accesslogv3.AccessLogService_StreamAccessLogsServer) error {
	log := ""
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		if id := m.GetIdentifier(); id != nil {
			log = id.LogName
		}
		r.mu.Lock()
		r.got[log] = append(r.got[log], m.GetHttpLogs().GetLogEntry()...)
		r.mu.Unlock()
	}
}

// of waits for the record of a path in a log.
func (r *records) of(t *testing.T, log, path string) *accesslogdata.HTTPAccessLogEntry {
	t.Helper()
	var found *accesslogdata.HTTPAccessLogEntry
	harness.Until(t, 10*time.Second, "the record of "+path+" in "+log, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range r.got[log] {
			if e.GetRequest().GetPath() == path {
				found = e
				return nil
			}
		}
		return fmt.Errorf("%d records", len(r.got[log]))
	})
	return found
}

// TestTranslateRecords reads what a real Envoy tells of requests: what decided,
// which limit refused, which attributes were drawn, what was counted.
func TestTranslateRecords(t *testing.T) {
	w := newWorld(t)
	w.snap.Mesh.AccessLog = true
	ref := func(kind, name string) model.Ref { return model.Ref{Kind: kind, Namespace: "default", Name: name} }
	w.snap.Authorization = []*model.AuthorizationPolicy{
		policyOf("d", model.Deny, operation(model.Operation{Paths: strs(model.Exact, "/denied")})),
		policyOf("a", model.Allow, operation(model.Operation{NotPaths: strs(model.Exact, "/nobody")}))}
	w.snap.Limits = []*model.Limit{
		{Object: ref("RateLimit", "rl"), Name: "wide", Requests: 1000, Burst: 1000, Per: 1e9, Scope: model.ScopeProxy},
		{Object: ref("RateLimit", "rl"), Name: "never", Requests: 1, Burst: 1, Per: model.Duration(time.Hour), Scope: model.ScopeProxy, Matches: on(model.HTTPMatch{Path: path(model.Prefix, "/limited")})},
		{Object: ref("RateLimit", "rl"), Name: "wider", Requests: 1000, Burst: 1000, Per: 1e9, Scope: model.ScopeProxy}}
	w.snap.Attributes = []*model.AttributeSet{{Object: ref("AttributeSet", "as"), Attributes: []model.Attribute{{Name: "user", Header: "End-User"}, {Name: "secret", Header: "x-secret", Redact: true}}}}
	w.snap.Telemetry = []*model.TelemetryRule{{Object: ref("TelemetryRule", "t"), Match: "response.code >= 400",
		Metrics: []model.Metric{{Name: "refused_total", Kind: model.Counter, Labels: []model.Expression{
			{Name: "code", Value: "response.code"}, {Name: "reporter", Value: "mesh.reporter"}, {Name: "source", Value: "source.workload.name"},
			{Name: "destination", Value: "destination.workload.name"}, {Name: "user", Value: "user"}, {Name: "slow", Value: "request.duration > duration('1h') ? 'yes' : 'no'"}}}},
		Logs: []model.Log{{Name: "refused", Fields: []model.Expression{{Name: "path", Value: "request.path"}, {Name: "host", Value: "destination.service.host"}}}}}}
	socket := filepath.Join(t.TempDir(), "als.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	log, server := &records{got: map[string][]*accesslogdata.HTTPAccessLogEntry{}}, grpc.NewServer()
	accesslogv3.RegisterAccessLogServiceServer(server, log)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	w.snap.Seal()
	w.eps.Sort()
	admin := harness.FreePort(t)
	c := translateCase{Workload: "page-v1", Snapshot: w.snap, Endpoints: w.eps}
	envoy := harness.StartEnvoy(t, staticBootstrap(t, c, harness.Builtin(t), translateBase(admin, "", socket)), admin)
	for _, p := range []string{"/ok?q=1", "/denied", "/nobody", "/limited/1", "/limited/2"} {
		do(t, client(newTransport()), "GET http://"+w.address(2)+":9080"+p, "end-user: jason", "x-secret: s3cret")
	}
	workload, _ := w.snap.Workload("page-v1")
	for _, want := range []struct{ path, details, deny, limit string }{
		{"/ok?q=1", "via_upstream", "", "default/rl/wider"},
		{"/denied", "rbac_access_denied_matched_policy[AuthorizationPolicy/default/d/rule[0]]", "AuthorizationPolicy/default/d/rule[0]", ""},
		{"/nobody", "rbac_access_denied_matched_policy[none]", "", ""},
		{"/limited/2", "local_rate_limited", "", "default/rl/never"},
	} {
		e := log.of(t, "requests", want.path)
		tags := e.GetCommonProperties().GetCustomTags()
		if got := e.GetResponse().GetResponseCodeDetails(); got != want.details {
			t.Errorf("%s: details %s, want %s", want.path, got, want.details)
		}
		verdict := e.GetCommonProperties().GetMetadata().GetFilterMetadata()["envoy.filters.http.rbac"].GetFields()
		if got := verdict["deny_enforced_effective_policy_id"].GetStringValue(); got != want.deny {
			t.Errorf("%s: denied by %q, want %q", want.path, got, want.deny)
		}
		if tags["krater.limit"] != want.limit || tags["krater.proxy"] != "default/page-v1" || tags["krater.direction"] != "inbound" ||
			tags["krater.policy_set"] != policySetOf(w.snap, workload) || tags["attribute.user"] != "jason" {
			t.Errorf("%s: tags %v", want.path, tags)
		}
		if strings.Contains(e.String(), "s3cret") {
			t.Errorf("%s: a redacted value left the proxy: %v", want.path, e)
		}
		if name := e.GetCommonProperties().GetRouteName(); name != "default" {
			t.Errorf("%s: route %q", want.path, name)
		}
	}
	e := log.of(t, "rule/default/t/refused", "/denied")
	if tags := e.GetCommonProperties().GetCustomTags(); tags["field.path"] != "/denied" || tags["field.host"] != "page.default.svc.cluster.local" {
		t.Errorf("the rule's record has %v", tags)
	}
	log.mu.Lock()
	if n := len(log.got["rule/default/t/refused"]); n != 3 {
		t.Errorf("%d records match the rule, want 3", n)
	}
	log.mu.Unlock()
	res, err := http.Get(envoy.Admin + "/stats/prometheus?filter=refused_total")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, _ := io.ReadAll(res.Body)
	want := `{code="403",reporter="destination",source="@127.0.0.1",destination="page-v1",user="jason",slow="no"} 2`
	if !strings.Contains(string(page), want) {
		t.Errorf("no %s in\n%s", want, page)
	}
}

// TestTranslateTCPAuthorization allows and denies connections in a real Envoy.
func TestTranslateTCPAuthorization(t *testing.T) {
	for name, c := range map[string]struct {
		policies []*model.AuthorizationPolicy
		allowed  bool
	}{
		"none":                       {nil, true},
		"ALLOW by address":           {[]*model.AuthorizationPolicy{policyOf("a", model.Allow, model.AuthorizationRule{From: []model.Source{{IPBlocks: []string{"127.0.0.1"}}}})}, true},
		"ALLOW another":              {[]*model.AuthorizationPolicy{policyOf("a", model.Allow, model.AuthorizationRule{From: []model.Source{{IPBlocks: []string{"10.0.0.0/8"}}}})}, false},
		"ALLOW with HTTP never does": {[]*model.AuthorizationPolicy{policyOf("a", model.Allow, operation(model.Operation{Methods: strs(model.Exact, "GET")}))}, false},
		"DENY with HTTP is broader":  {[]*model.AuthorizationPolicy{policyOf("d", model.Deny, operation(model.Operation{Paths: strs(model.Exact, "/x"), Ports: []uint32{3306}}))}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			serveTCP(t, fmt.Sprintf("127.0.0.1:%d", w.freeAppPort()), func(c net.Conn) {
				if n, _ := c.Read(make([]byte, 64)); n > 0 {
					fmt.Fprint(c, "hello")
				}
			})
			w.snap.Authorization = c.policies
			w.start("page-v1", noOptions, "")
			conn, err := net.Dial("tcp", w.address(2)+":3306")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			fmt.Fprint(conn, "enough to be seen not to be TLS")
			got, _ := io.ReadAll(conn)
			if (string(got) == "hello") != c.allowed {
				t.Errorf("got %q, want allowed %t", got, c.allowed)
			}
		})
	}
}
