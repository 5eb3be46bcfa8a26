package meshprocessor

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// decisions puts, in the place of each record of model.ScopeDecisions, one for
// each rule that sends decisions to the backend: masked, and without what the
// rule drops.
func (l *logs) decisions(ld plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		var raw []plog.ScopeLogs
		for _, sl := range rl.ScopeLogs().All() {
			if sl.Scope().Name() == model.ScopeDecisions {
				raw = append(raw, sl)
			}
		}
		made := map[string]plog.ScopeLogs{} // by rule
		for _, sl := range raw {
			for _, r := range sl.LogRecords().All() {
				l.decision(r, func(rule string) plog.ScopeLogs {
					if to, ok := made[rule]; ok {
						return to
					}
					to := plog.NewScopeLogs()
					to.Scope().SetName(model.ScopeDecisions + "/" + rule)
					made[rule] = to
					return to
				})
			}
		}
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool { return sl.Scope().Name() == model.ScopeDecisions })
		for _, sl := range made {
			sl.MoveTo(rl.ScopeLogs().AppendEmpty())
		}
	}
}

// decision writes one event for each rule that wants it.
func (l *logs) decision(r plog.LogRecord, to func(rule string) plog.ScopeLogs) {
	var e model.DecisionEvent
	if err := json.Unmarshal([]byte(r.Body().Str()), &e); err != nil {
		return // who sends what is no event is no part of the mesh
	}
	proxy := e.Custom.Krater.Proxy
	for _, rule := range l.view.DecisionLogs(l.backend, proxy) {
		if rule.Decisions.Drops(&e, dice(e)) {
			continue
		}
		masked := e.Clone()
		rule.Decisions.Apply(&masked, l.view.RedactedInputs(proxy)...)
		out := to(rule.Object.Key()).LogRecords().AppendEmpty()
		out.SetTimestamp(pcommon.NewTimestampFromTime(e.Timestamp))
		out.SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		if l.opa {
			if body, err := json.Marshal(masked); err == nil { // values of JSON
				out.Body().SetStr(string(body))
			}
			continue
		}
		write(out, masked, rule)
	}
}

// dice is a number from 0 to 100 that follows from the request, so that its
// decisions are kept together.
func dice(e model.DecisionEvent) float64 {
	id := e.Custom.Krater.RequestID
	if id == "" {
		id = e.DecisionID
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	const top = 1 << 40
	return 100 * float64(mixed(h.Sum64())%top) / top
}

// mixed spreads the bits of a hash whose inputs differ in their last bytes.
func mixed(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}

// write makes a record of OpenTelemetry of an event.
func write(r plog.LogRecord, e model.DecisionEvent, rule model.TelemetryRule) {
	k := e.Custom.Krater
	verdict := "denied"
	r.SetSeverityNumber(plog.SeverityNumberWarn)
	r.SetSeverityText("WARN")
	if k.Allowed {
		verdict = "allowed"
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
	}
	if k.Shadow {
		verdict = "would have " + verdict
	}
	r.Body().SetStr(fmt.Sprintf("%s %s %s %s", k.Policy, verdict, k.Method, k.URLPath))
	a := r.Attributes()
	for _, text := range []struct{ name, value string }{
		{"krater.rule", rule.Object.Key()}, {"krater.proxy", k.Proxy}, {"krater.request_id", k.RequestID},
		{"krater.decision.policy", k.Policy}, {"krater.decision.rule", k.Rule}, {"krater.decision.placement", string(k.Place)},
		{"krater.decision.policy_set", k.PolicySet}, {"krater.decision.id", e.DecisionID}, {"krater.decision.reason", k.Reason},
		{"krater.limit", k.Limit}, {"krater.decision.caller", k.Caller}, {"http.request.method", k.Method}, {"url.path", k.URLPath},
		{"krater.decision.query", e.Path}, {"krater.decision.erased", strings.Join(e.Erased, ",")}, {"krater.decision.masked", strings.Join(e.Masked, ",")},
	} {
		if text.value != "" {
			a.PutStr(text.name, text.value)
		}
	}
	a.PutBool("krater.decision.allowed", k.Allowed)
	a.PutBool("krater.decision.shadow", k.Shadow)
	put(a, "krater.decision.input", e.Input)
	put(a, "krater.decision.result", e.Result)
	if len(k.Reads) > 0 {
		list := a.PutEmptySlice("krater.decision.reads")
		for _, ref := range k.Reads {
			list.AppendEmpty().SetStr(ref)
		}
	}
	trace(r, e)
}

// trace sets the ids of the request's trace, where it has one.
func trace(r plog.LogRecord, e model.DecisionEvent) {
	var t pcommon.TraceID
	var s pcommon.SpanID
	if b, err := hex.DecodeString(e.TraceID); err == nil && len(b) == len(t) {
		copy(t[:], b)
		r.SetTraceID(t)
	}
	if b, err := hex.DecodeString(e.SpanID); err == nil && len(b) == len(s) {
		copy(s[:], b)
		r.SetSpanID(s)
	}
}

// put sets a value of JSON.
func put(a pcommon.Map, name string, value any) {
	if value == nil {
		return
	}
	_ = a.PutEmpty(name).FromRaw(value) // of JSON: each has its like
}
