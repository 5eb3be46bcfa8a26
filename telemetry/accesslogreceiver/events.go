package accesslogreceiver

import (
	"encoding/json"
	"strings"
	"time"

	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// events makes a record of each decision that the proxy made itself: its body
// is a model.DecisionEvent. What policyd decided it records itself, with all
// that it read.
func events(from origin, list []logged, view *mesh.View, into plog.ScopeLogs) {
	for _, l := range list {
		for _, d := range verdictsOf(l.common, l.details()).own() {
			body, err := json.Marshal(event(from, l, d, view))
			if err != nil { // values of JSON
				continue
			}
			r := into.LogRecords().AppendEmpty()
			r.SetTimestamp(pcommon.NewTimestampFromTime(l.common.GetStartTime().AsTime()))
			r.Body().SetStr(string(body))
		}
	}
}

// logged is one entry of a proxy's log: of a request, or of a connection whose
// requests it did not see.
type logged struct {
	common *accesslogdatav3.AccessLogCommon
	http   *accesslogdatav3.HTTPAccessLogEntry // nil: a connection
}

// details say who ended it. Of a connection that a provider refused, or that it
// could not be asked about, there is only a flag.
func (l logged) details() string {
	switch {
	case l.http != nil:
		return l.http.GetResponse().GetResponseCodeDetails()
	case l.common.GetResponseFlags().GetUnauthorizedDetails() != nil:
		return deniedDetails
	}
	return l.common.GetConnectionTerminationDetails()
}

// loggedIn are the entries of a message.
func loggedIn(m *accesslogv3.StreamAccessLogsMessage) (out []logged) {
	for _, e := range m.GetHttpLogs().GetLogEntry() {
		out = append(out, logged{e.GetCommonProperties(), e})
	}
	for _, e := range m.GetTcpLogs().GetLogEntry() {
		out = append(out, logged{e.GetCommonProperties(), nil})
	}
	return out
}

// own are the decisions that the proxy made without policyd, the last one last,
// then those in shadow.
func (v verdicts) own() []model.Decision {
	var out []model.Decision
	last, ok := decide(v)
	asked := last.Place == model.Daemon && last.DecisionID != "" // about all of them, whatever their rules say
	for _, l := range v.lowered(false) {
		d := v.ofRego(l)
		if asked {
			break
		}
		if l.verdict != model.VerdictAllow && l.verdict != model.VerdictDeny || d == last {
			continue
		}
		if out = append(out, d); !d.Allowed {
			break // the others' verdicts did not count
		}
	}
	if ok && (last.Place != model.Daemon || last.DecisionID == "") {
		out = append(out, last)
	}
	for _, d := range v.shadows() {
		if d.Place != model.Daemon || !strings.HasPrefix(d.Policy, regoKind) { // of those policyd tells
			out = append(out, d)
		}
	}
	return out
}

// event is one decision in the form of OPA's decision logs.
func event(from origin, l logged, d model.Decision, view *mesh.View) model.DecisionEvent {
	p := l.common
	out := model.DecisionEvent{
		Labels:     map[string]string{"id": from.proxy, "app": "envoy"},
		DecisionID: decisionID(from, l, d), TraceID: p.GetCustomTags()[tagTraceID], SpanID: p.GetCustomTags()[tagSpanID],
		Timestamp: p.GetStartTime().AsTime().UTC(), Result: d.Allowed,
	}
	k := &out.Custom.Krater
	k.Decision, k.Proxy, k.Caller = d, from.proxy, caller(p, view)
	if l.http != nil {
		q := l.http.GetRequest()
		k.RequestID, k.Method, k.URLPath = q.GetRequestId(), q.GetRequestMethod().String(), pathOf(q)
	}
	policy, known := view.Reads(d.Policy)
	if d.Rule == model.ImplicitDeny {
		policy, known = view.AllowReads(from.proxy), true
	}
	if known {
		out.Path = strings.ReplaceAll(strings.TrimPrefix(policy.Query, "data."), ".", "/")
		out.Input, k.Reads = inputOf(policy, l, view, from.proxy)
	}
	return out
}

// decisionID is the same for a decision whoever tells of it: the proxy makes
// none, so it is made of what the decision is.
func decisionID(from origin, l logged, d model.Decision) string {
	if d.DecisionID != "" {
		return d.DecisionID
	}
	about := l.http.GetRequest().GetRequestId()
	if l.http == nil {
		about = hostPort(l.common.GetDownstreamRemoteAddress())
	}
	return model.Hash([]any{from.proxy, about, l.common.GetStartTime().AsTime().Format(time.RFC3339Nano), d.Policy, d.Rule, d.Shadow})
}

// caller is who called: by the certificate, else the workload at the address,
// else the address.
func caller(p *accesslogdatav3.AccessLogCommon, view *mesh.View) string {
	tags := p.GetCustomTags()
	for _, tag := range []string{"krater.source.principal", "krater.client.principal"} {
		if who := principal(given(tags, tag)); who != "" {
			return who
		}
	}
	remote := p.GetDownstreamDirectRemoteAddress()
	if remote == nil {
		remote = p.GetDownstreamRemoteAddress()
	}
	address := remote.GetSocketAddress().GetAddress()
	if w, ok := view.At(address); ok {
		return w.ID()
	}
	return address
}
