package accesslogreceiver

import (
	"strings"
	"time"

	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// origin says whose log a stream carries: the proxy's "namespace/name" and
// the log's name, "requests" or "rule/NAMESPACE/RULE/LOG".
type origin struct{ proxy, log string }

// convert makes one log record of each entry of a message.
func convert(from origin, m *accesslogv3.StreamAccessLogsMessage, view *mesh.View, now time.Time) plog.Logs {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	if ns, name, ok := strings.Cut(from.proxy, "/"); ok {
		resource.Resource().Attributes().PutStr("service.name", name)
		resource.Resource().Attributes().PutStr("service.namespace", ns)
	}
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName(from.log)
	if from.log == model.ScopeDecisions {
		events(from, loggedIn(m), view, scope)
		return logs
	}
	for _, e := range m.GetHttpLogs().GetLogEntry() {
		r := record{scope.LogRecords().AppendEmpty(), view}
		r.common(from, e.GetCommonProperties(), now)
		r.http(e)
		r.decision(e.GetCommonProperties(), e.GetResponse().GetResponseCodeDetails())
	}
	for _, e := range m.GetTcpLogs().GetLogEntry() {
		r := record{scope.LogRecords().AppendEmpty(), view}
		r.common(from, e.GetCommonProperties(), now)
		r.tcp(e)
		r.decision(e.GetCommonProperties(), logged{e.GetCommonProperties(), nil}.details())
	}
	return logs
}

// record is one log record in the making.
type record struct {
	plog.LogRecord
	view *mesh.View
}

// str, num and millis set attributes; empty and zero ones are left out.
func (r record) str(name, value string) {
	if value != "" {
		r.Attributes().PutStr(name, value)
	}
}

func (r record) num(name string, value uint64) { r.Attributes().PutInt(name, int64(value)) }

func (r record) millis(name string, d time.Duration) {
	r.Attributes().PutDouble(name, float64(d)/float64(time.Millisecond))
}

// common sets what HTTP and TCP entries share.
func (r record) common(from origin, p *accesslogdatav3.AccessLogCommon, now time.Time) {
	r.SetTimestamp(pcommon.NewTimestampFromTime(p.GetStartTime().AsTime()))
	r.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
	r.str("krater.proxy", from.proxy)
	r.rule(from.log)
	direction := r.tags(from, p.GetCustomTags())
	r.str("krater.route", p.GetRouteName())
	r.str("krater.upstream.cluster", p.GetUpstreamCluster())
	r.str("krater.upstream.address", hostPort(p.GetUpstreamRemoteAddress()))
	r.str("krater.upstream.failure", p.GetUpstreamTransportFailureReason())
	if n := p.GetUpstreamRequestAttemptCount(); n > 1 {
		r.num("krater.upstream.attempts", uint64(n))
	}
	r.str("krater.response_flags", flagNames(p.GetResponseFlags()))
	r.millis("krater.duration_ms", p.GetDuration().AsDuration())
	if first, last := p.GetTimeToFirstUpstreamTxByte(), p.GetTimeToLastUpstreamRxByte(); first != nil && last != nil {
		r.millis("krater.upstream.duration_ms", last.AsDuration()-first.AsDuration())
	}
	r.peers(from, direction, p)
}

// rule names the TelemetryRule and its log that asked for the record.
func (r record) rule(log string) {
	if parts := strings.SplitN(log, "/", 4); len(parts) == 4 && parts[0] == "rule" {
		r.str("krater.rule", parts[1]+"/"+parts[2])
		r.str("krater.log", parts[3])
	}
}

// decision sets who decided about the request, and how.
func (r record) decision(p *accesslogdatav3.AccessLogCommon, details string) {
	r.str("krater.response_code_details", details)
	v := verdictsOf(p, details)
	r.shadows(v.shadows())
	r.str("krater.audit", v.audit())
	d, ok := decide(v)
	if !ok {
		return
	}
	r.put(d)
	if !d.Allowed {
		r.SetSeverityNumber(plog.SeverityNumberWarn)
		r.SetSeverityText("WARN")
	}
}

func (r record) put(d model.Decision) { putDecision(r.Attributes(), d) }

// shadows puts what policies in shadow would have decided.
func (r record) shadows(list []model.Decision) { putShadows(r.Attributes(), list) }
