package decisionstore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// request is a record of the log of all requests.
func request(to plog.ScopeLogs, id string, more map[string]any) {
	r := to.LogRecords().AppendEmpty()
	r.SetTimestamp(pcommon.NewTimestampFromTime(time.Unix(1700000000, 0)))
	attributes := map[string]any{
		"krater.request_id": id, "krater.proxy": "default/ratings-v1", "krater.direction": "inbound", "http.request.method": "GET",
		"url.path": "/ratings/42", "http.response.status_code": 403, "krater.response_code_details": "lua_response",
		"krater.source.workload": "reviews-v1", "krater.source.namespace": "default", "server.address": "ratings", "server.port": 9080,
	}
	for name, v := range more {
		attributes[name] = v
	}
	if err := r.Attributes().FromRaw(attributes); err != nil {
		panic(err)
	}
}

func TestStoreKeepsWhatWasDecided(t *testing.T) {
	dir := t.TempDir()
	s := &store{dir: dir}
	if err := s.start(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName("requests")
	decided := map[string]any{"krater.decision.policy": "RegoPolicy default/r", "krater.decision.rule": "r.rego:3", "krater.decision.placement": "native", "krater.decision.allowed": false}
	request(scope, "denied", decided)
	request(scope, "shadowed", map[string]any{"krater.response_code_details": "via_upstream", "krater.shadow": []any{
		map[string]any{"policy": "RegoPolicy default/s", "rule": "s.rego:3", "placement": "daemon", "allowed": false, "id": "1f"}}})
	request(scope, "undecided", map[string]any{"krater.response_code_details": "via_upstream"})
	other := resource.ScopeLogs().AppendEmpty()
	other.Scope().SetName("rule/a/b/c")
	request(other, "elsewhere", decided)
	if err := s.push(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if err := s.shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := map[string]model.DecisionRecord{}
	if err := Read(dir, func(r model.DecisionRecord) { got[r.RequestID] = r }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("it keeps %v", got)
	}
	denied, shadowed := got["denied"], got["shadowed"]
	if d := denied.Decision; d == nil || d.Policy != "RegoPolicy default/r" || d.Place != model.Native || d.Allowed || denied.Caller != "default/reviews-v1" || denied.Host != "ratings:9080" || denied.Status != 403 {
		t.Errorf("denied: %+v", denied)
	}
	if len(shadowed.Shadows) != 1 || shadowed.Shadows[0].DecisionID != "1f" || !shadowed.Denied() || shadowed.Decision != nil {
		t.Errorf("shadowed: %+v", shadowed)
	}
}

func TestShadowReportIsBounded(t *testing.T) {
	var r ShadowReport
	deny := model.Decision{Policy: "RegoPolicy a/b", Rule: "b.rego:3", Shadow: true}
	allow := deny
	allow.Allowed = true
	about := func(path string) model.DecisionRecord {
		return model.DecisionRecord{Time: time.Unix(1, 0), Caller: "a/x", Method: "GET", Path: path}
	}
	for range 3 {
		r.Add(deny, about("/orders/17/items"))
	}
	r.Add(deny, about("/orders/99/items"))
	r.Add(allow, about("/health"))
	r.Add(model.Decision{Policy: "RegoPolicy a/enforced"}, about("/"))
	for i := range 2 * maxRows {
		r.Add(deny, about("/w"+strings.Repeat("x", i%900)+strings.Repeat("y", i/900)))
	}
	r.Finish()
	if len(r.Policies) != 1 || r.Policies[0].Denied != 4+2*maxRows || r.Policies[0].Requests != 5+2*maxRows || len(r.Policies[0].Rows) > maxRows+1 {
		t.Fatalf("%d policies, %+v", len(r.Policies), r.Policies[0].Denied)
	}
	if row := r.Policies[0].Rows[1]; row.Path != "/orders/{}/items" || row.Count != 4 {
		t.Errorf("the second row is %+v", row)
	}
}

func TestTemplate(t *testing.T) {
	for path, want := range map[string]string{
		"/":              "/",
		"/ratings/1":     "/ratings/{}",
		"/v1/users/anna": "/v1/users/anna",
		"/o/6ba7b810-9dad-11d1-80b4-00c04fd430c8": "/o/{}",
		"/a/b/c/d/e/f/g/h/i":                      "/a/b/c/d/e/f/g/**",
		"/blobs/9f86d081884c7d65":                 "/blobs/{}",
	} {
		if got := Template(path); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add(`{"proxy":"a/b","decision":{"allowed":true}}`)
	f.Add("{\"proxy\":1}\n\n[]")
	f.Fuzz(func(t *testing.T, text string) {
		var r ShadowReport
		_ = Scan(strings.NewReader(text), func(x model.DecisionRecord) {
			for _, s := range x.Shadows {
				r.Add(s, x)
			}
		})
		r.Finish()
	})
}
