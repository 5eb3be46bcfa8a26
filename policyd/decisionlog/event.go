package decisionlog

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Event is a record in the form of OPA's decision logs.
func (r Record) Event() model.DecisionEvent {
	e := model.DecisionEvent{
		Labels:     map[string]string{"id": r.Workload, "app": "krater-policyd"},
		DecisionID: r.DecisionID, TraceID: r.TraceID, SpanID: r.SpanID,
		Path:      queryPath(r.Rule),
		Result:    r.Result,
		Timestamp: r.Time.UTC(),
		Metrics:   map[string]any{"timer_rego_query_eval_ns": r.Duration.Nanoseconds()},
	}
	k := &e.Custom.Krater
	k.Decision, k.Proxy = r.Decision, r.Workload
	k.RequestID, k.Method, k.URLPath, k.Caller = r.RequestID, r.Method, r.Path, r.Caller
	if r.Input != nil {
		document, reads, all := r.Input.Document()
		e.Input, k.Reads, k.ReadsAll = document, reads, all
	}
	return e
}

// queryPath is "data.authz.allow" as OPA's API has it: "authz/allow".
func queryPath(query string) string {
	return strings.ReplaceAll(strings.TrimPrefix(query, "data."), ".", "/")
}
