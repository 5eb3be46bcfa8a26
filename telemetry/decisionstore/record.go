package decisionstore

import (
	"net"
	"strconv"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxPath bounds what a client makes up.
const maxPath = 512

// read makes a record of a request's; false: no policy decided about it, and
// the proxy did not answer itself.
func read(r plog.LogRecord) (model.DecisionRecord, bool) {
	a := attributes{r.Attributes()}
	out := model.DecisionRecord{
		Time: r.Timestamp().AsTime().UTC(), RequestID: a.text("krater.request_id"),
		Proxy: a.text("krater.proxy"), Direction: a.text("krater.direction"),
		Method: a.text("http.request.method"), Host: a.host(), Path: a.text("url.path"),
		Details: a.text("krater.response_code_details"), Route: a.text("krater.route"),
		Called: a.workload("krater.destination"),
	}
	if !r.TraceID().IsEmpty() {
		out.TraceID = r.TraceID().String()
	}
	if len(out.Path) > maxPath {
		out.Path = out.Path[:maxPath]
	}
	if status, ok := a.Get("http.response.status_code"); ok {
		out.Status = int(status.Int())
	}
	for _, name := range []string{"krater.source.principal", "krater.client.principal"} {
		if out.Caller == "" {
			out.Caller = a.text(name)
		}
	}
	if out.Caller == "" {
		out.Caller = a.workload("krater.source")
	}
	if out.Caller == "" {
		out.Caller = a.text("client.address")
	}
	out.Decision, out.Shadows = a.decision(), a.shadows()
	return out, out.Decision != nil || len(out.Shadows) > 0 || out.Details != "via_upstream"
}

type attributes struct{ pcommon.Map }

func (a attributes) text(name string) string {
	if v, ok := a.Get(name); ok {
		return v.AsString()
	}
	return ""
}

func (a attributes) workload(prefix string) string {
	if name := a.text(prefix + ".workload"); name != "" {
		return a.text(prefix+".namespace") + "/" + name
	}
	return ""
}

func (a attributes) host() string {
	host := a.text("server.address")
	if port, ok := a.Get("server.port"); ok {
		return net.JoinHostPort(host, strconv.FormatInt(port.Int(), 10))
	}
	return host
}

func (a attributes) decision() *model.Decision {
	allowed, ok := a.Get("krater.decision.allowed")
	if !ok {
		return nil
	}
	return &model.Decision{
		Policy: a.text("krater.decision.policy"), Rule: a.text("krater.decision.rule"), Place: model.Place(a.text("krater.decision.placement")),
		PolicySet: a.text("krater.decision.policy_set"), DecisionID: a.text("krater.decision.id"),
		Reason: a.text("krater.decision.reason"), Limit: a.text("krater.limit"), Allowed: allowed.Bool(),
	}
}

func (a attributes) shadows() []model.Decision {
	list, ok := a.Get("krater.shadow")
	if !ok {
		return nil
	}
	var out []model.Decision
	for _, v := range list.Slice().All() {
		s := attributes{v.Map()}
		allowed, _ := s.Get("allowed")
		out = append(out, model.Decision{
			Policy: s.text("policy"), Rule: s.text("rule"), Place: model.Place(s.text("placement")), PolicySet: a.text("krater.decision.policy_set"),
			DecisionID: s.text("id"), Reason: s.text("reason"), Allowed: allowed.Bool(), Shadow: true,
		})
	}
	return out
}
