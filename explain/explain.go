package explain

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Explanation is what the mesh would do with one request.
type Explanation struct {
	Request Request `json:"request"`
	// First is the caller's sidecar, or the gateway.
	First Hop `json:"first"`
	// Outcomes are all that may come of it: one where First answers itself,
	// else one for each destination, and each group of its workloads that
	// would decide alike.
	Outcomes []Outcome `json:"outcomes"`
}

// Outcome is one possible end.
type Outcome struct {
	Cluster   string   `json:"cluster,omitempty"` // where it went; empty: nowhere
	Percent   float64  `json:"percent"`           // of requests that are routed to Cluster
	Workloads []string `json:"workloads,omitempty"`
	Server    *Hop     `json:"server,omitempty"` // the sidecar before the application
	Verdict   Verdict  `json:"verdict"`
}

// Verdict is what the caller gets.
type Verdict struct {
	// Status is the proxies' own answer; 200 with Upstream stands for
	// whatever the application says.
	Status   uint32 `json:"status"`
	Upstream bool   `json:"upstream,omitempty"`
	Details  string `json:"details,omitempty"` // as Envoy's %RESPONSE_CODE_DETAILS%
	Reason   string `json:"reason"`
	// Decision is the policy's verdict that settled it; nil: no policy did.
	Decision *model.Decision `json:"decision,omitempty"`
	// Instead are answers that a share of such requests, or those over a
	// limit, get in place of this one.
	Instead []Alternative `json:"instead,omitempty"`
}

// Alternative is an answer that chance or a count decides on.
type Alternative struct {
	Status  uint32  `json:"status"`
	Percent float64 `json:"percent,omitempty"` // 0: when the limit is exceeded
	Limit   string  `json:"limit,omitempty"`   // model.Limit.ID
	Reason  string  `json:"reason"`
}

type explainer struct {
	snap      *model.Snapshot
	endpoints model.Endpoints
	decider   Decider
	secret    []model.Attribute // redacted ones that the request has
	tokens    []string          // that the request has
	now       time.Time
	silence   time.Duration // Request.Unheard
}

// Explain says what the mesh of a snapshot would do with a request. decider
// answers for RegoPolicies; nil leaves them open. An error means that the
// request has no way into the mesh: no such workload, no gateway.
func Explain(s *model.Snapshot, endpoints model.Endpoints, decider Decider, r Request) (Explanation, error) {
	e := &explainer{snap: s, endpoints: endpoints, decider: decider, now: r.Now, silence: r.Unheard.Std()}
	out, err := e.explain(r)
	e.withhold(&out)
	e.withholdTokens(&out)
	return out, err
}

func (e *explainer) explain(r Request) (Explanation, error) {
	w, err := e.entry(r.From)
	if err != nil {
		return Explanation{}, err
	}
	out := Explanation{Request: r}
	if r.Principal != "" && !w.Gateway {
		return Explanation{}, fmt.Errorf("the principal %s: a workload's is its own; one is named for clients of a gateway", r.Principal)
	}
	p := e.enter(w, r.view())
	if p.verdict == nil {
		route := e.route(w, p.role, p.view)
		p.hop.Route = &route
		p.verdict = routeVerdict(route)
		addFault(&p.verdict, &p.instead, route.Fault)
	}
	p.records()
	out.First = p.hop
	if p.verdict != nil {
		p.verdict.Instead = p.instead
		out.Outcomes = []Outcome{{Percent: 100, Verdict: *p.verdict}}
		return out, nil
	}
	for _, t := range p.hop.Route.Targets {
		out.Outcomes = append(out.Outcomes, e.outcomes(w, p.role, t, p.instead)...)
	}
	return out, nil
}

// entry finds the proxy that a request passes first.
func (e *explainer) entry(from string) (model.Workload, error) {
	if from != "" {
		if w, ok := e.snap.Workload(from); ok {
			return w, nil
		}
		return model.Workload{}, fmt.Errorf("finding the caller: no workload %q, or several of that name", from)
	}
	for _, w := range e.snap.Workloads {
		if w.Gateway {
			return w, nil
		}
	}
	return model.Workload{}, fmt.Errorf("finding the way in: the mesh has no gateway; name the calling workload")
}

func (e *explainer) enter(w model.Workload, v View) *passage {
	role := RoleClient
	if w.Gateway {
		role = RoleGateway
		v.Port, v.Bound = gatewayPort(w, v.Port)
		v.Destination = w.Address
		if encrypted(e.snap, w, v.Port) {
			v.Scheme = "https"
		}
	}
	return e.pass(w, role, v)
}

func (e *explainer) route(w model.Workload, role Role, v View) RouteStep {
	if role == RoleGateway {
		return e.routeGateway(w, v)
	}
	return e.routeSidecar(w, v)
}

// routeVerdict is the answer of a route that asks nobody; else nil.
func routeVerdict(r RouteStep) *Verdict {
	switch {
	case r.Status != 0:
		return &Verdict{Status: r.Status, Details: r.Details, Reason: r.Reason}
	case len(r.Targets) == 0:
		return &Verdict{Status: 200, Upstream: true, Details: "via_upstream", Reason: r.Reason}
	}
	return nil
}

// addFault applies a fault, which comes before the router: an abort of all
// requests is the verdict, of some an alternative.
func addFault(v **Verdict, instead *[]Alternative, f *model.Fault) {
	if f == nil || f.Abort == nil || f.Abort.Percent <= 0 {
		return
	}
	status, reason := f.Abort.Status, "the route's fault aborts requests"
	if f.Abort.GRPC != nil { // gRPC's answers are 200, with their status in a trailer
		status, reason = 200, fmt.Sprintf("the route's fault aborts requests with gRPC status %d", *f.Abort.GRPC)
	}
	if f.Abort.Percent >= 100 {
		*v = &Verdict{Status: status, Details: "fault_filter_abort", Reason: reason}
		return
	}
	*instead = append(*instead, Alternative{Status: status, Percent: f.Abort.Percent, Reason: reason})
}

// outcomes are those of one destination, workloads that decide alike together.
func (e *explainer) outcomes(from model.Workload, role Role, t Target, instead []Alternative) []Outcome {
	if t.Status != 0 {
		return []Outcome{{Cluster: t.Cluster, Percent: t.Percent, Verdict: Verdict{
			Status: t.Status, Details: t.Details, Reason: t.Reason, Instead: instead,
		}}}
	}
	var out []Outcome
	known := map[string]int{}
	for _, server := range t.Endpoints {
		o := e.outcome(from, role, t, server, instead)
		key := identity(o)
		if i, ok := known[key]; ok {
			out[i].Workloads = append(out[i].Workloads, o.Workloads...)
			continue
		}
		known[key] = len(out)
		out = append(out, o)
	}
	return out
}

// identity is the same for outcomes that differ in their workloads only.
func identity(o Outcome) string {
	o.Workloads = nil
	b, err := json.Marshal(o)
	if err != nil { // plain values only: a bug here
		panic(fmt.Sprintf("explain: writing an outcome: %v", err))
	}
	return string(b)
}

func (e *explainer) outcome(from model.Workload, role Role, t Target, server Server, instead []Alternative) Outcome {
	o := Outcome{Cluster: t.Cluster, Percent: t.Percent, Workloads: []string{server.Workload}}
	w, known := e.snap.Workload(server.Workload)
	if server.Workload == "" || !known {
		o.Workloads = []string{fmt.Sprintf("%s:%d", server.Address, server.Port)}
		o.Verdict = Verdict{Status: 200, Upstream: true, Details: "via_upstream", Reason: "outside the mesh", Instead: instead}
		return o
	}
	if why := e.unheard(w, server); why != "" {
		o.Verdict = Verdict{Status: 503, Details: "upstream_reset_before_response_started{connection_termination}", Reason: why, Instead: instead}
		return o
	}
	arrived := arriving(from, role, t.Request, server.Port)
	arrived.Principal, arrived.Destination = e.principal(from, server), server.Address
	if server.MTLS {
		arrived.ServerName = fmt.Sprintf("outbound_.%d_.%s_.%s", t.Port, t.Subset, t.Host)
	}
	p := e.pass(w, RoleServer, arrived)
	if p.verdict == nil {
		p.verdict = &Verdict{Status: 200, Upstream: true, Details: "via_upstream", Reason: "the application answers", Decision: p.decision}
	}
	p.records()
	p.verdict.Instead = append(append([]Alternative(nil), instead...), p.instead...)
	o.Server, o.Verdict = &p.hop, *p.verdict
	return o
}

// arriving is a request as the destination's sidecar receives it.
func arriving(from model.Workload, role Role, v View, port uint32) View {
	v = v.clone()
	if role == RoleGateway { // a sidecar leaves the header as it is
		v.Headers["x-forwarded-for"] = append(v.Headers["x-forwarded-for"], v.Peer)
	}
	v.Peer, v.Port, v.Bound = from.Address, port, 0
	return v
}
