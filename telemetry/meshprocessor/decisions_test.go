package meshprocessor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/pdata/plog"
)

// TestDecisionsAreMaskedForEachRule: a backend has what the rules send to it,
// without what a rule masks or drops, without credentials, and without what a
// redacted attribute was drawn from.
func TestDecisionsAreMaskedForEachRule(t *testing.T) {
	yes := true
	rule := func(name, backend string, log model.DecisionLog) model.TelemetryRule {
		return model.TelemetryRule{Object: model.Ref{Kind: "TelemetryRule", Namespace: "default", Name: name}, Decisions: &log, Backends: []string{backend}}
	}
	view := &mesh.View{}
	view.Set([]model.Workload{{Namespace: "default", Name: "w"}}, []model.TelemetryRule{
		rule("all", "opa", model.DecisionLog{Mask: []model.DecisionMask{{Path: "/input/attributes/request/http/headers/x-secret"}}}),
		rule("denials", "otel", model.DecisionLog{Credentials: true, Drop: []model.DecisionDrop{{Allowed: &yes}}}),
		rule("elsewhere", "other", model.DecisionLog{}),
	}, []model.AttributeSet{{Attributes: []model.Attribute{{Name: "card", Header: "X-Card", Redact: true}}}})

	event := func(id string, allowed bool) string {
		e := model.DecisionEvent{DecisionID: id, Path: "p/allow", Result: allowed, Input: map[string]any{"attributes": map[string]any{"request": map[string]any{"http": map[string]any{
			"method": "GET", "headers": map[string]any{"x-secret": "s3cret", "x-card": "4111", "authorization": "Bearer t0ken", "x-user": "anna"}}}}}}
		e.Custom.Krater = model.DecisionDetails{Decision: model.Decision{Policy: "RegoPolicy default/p", Rule: "data.p.allow", Place: model.Daemon, Allowed: allowed}, Proxy: "default/w", Reads: []string{"input.attributes.request.http.method"}}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	run := func(backend string, opa bool) string {
		ld := plog.NewLogs()
		resource := ld.ResourceLogs().AppendEmpty()
		raw := resource.ScopeLogs().AppendEmpty()
		raw.Scope().SetName("decisions")
		for _, body := range []string{event("1", true), event("2", false), "no event"} {
			raw.LogRecords().AppendEmpty().Body().SetStr(body)
		}
		all := resource.ScopeLogs().AppendEmpty()
		all.Scope().SetName("requests")
		all.LogRecords().AppendEmpty().Body().SetStr("a request")
		out, err := (&logs{view, backend, opa}).process(context.Background(), ld)
		if err != nil {
			t.Fatal(err)
		}
		text, err := (&plog.JSONMarshaler{}).MarshalLogs(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	opa := run("default/opa", true)
	for want, times := range map[string]int{`\"decision_id\":`: 2, "anna": 2, "s3cret": 0, "4111": 0, "t0ken": 0, "a request": 0, "decisions/default/all": 1, "headers/x-secret": 2, "headers/authorization": 2} {
		if got := strings.Count(opa, want); got != times {
			t.Errorf("for OPA's readers %q comes %d times, not %d:\n%s", want, got, times, opa)
		}
	}
	otel := run("default/otel", false)
	for want, times := range map[string]int{"krater.decision.input": 1, "anna": 1, "t0ken": 1, "4111": 0, "s3cret": 1, "a request": 1, "RegoPolicy default/p denied": 1, "decisions/default/denials": 1} {
		if got := strings.Count(otel, want); got != times {
			t.Errorf("as OpenTelemetry %q comes %d times, not %d:\n%s", want, got, times, otel)
		}
	}
	if none := run("default/third", false); strings.Contains(none, "anna") {
		t.Errorf("a backend that no rule names has decisions:\n%s", none)
	}
}
