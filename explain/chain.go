package explain

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Role is the part a proxy plays for one request.
type Role string

const (
	RoleClient  Role = "client"  // the caller's sidecar
	RoleGateway Role = "gateway" // the way in from outside
	RoleServer  Role = "server"  // the sidecar before the application
)

// Hop is one proxy that a request passes.
type Hop struct {
	Proxy    string     `json:"proxy,omitempty"` // "namespace/name"; a server's is the outcome's Workloads
	Role     Role       `json:"role"`
	Received View       `json:"received"` // normalized, before the filters
	Chain    []Step     `json:"chain,omitempty"`
	Route    *RouteStep `json:"route,omitempty"`
}

// Step is one thing that the filter chain does, in its order. Slot is the
// ECDS slot's name, or "access-log". One of the others is set.
type Step struct {
	Slot      string          `json:"slot"`
	Filter    *FilterRun      `json:"filter,omitempty"`
	Token     *TokenResult    `json:"token,omitempty"`
	Attribute *AttributeValue `json:"attribute,omitempty"`
	Policy    *PolicyResult   `json:"policy,omitempty"`
	Rego      *RegoResult     `json:"rego,omitempty"`
	Limit     *LimitCharge    `json:"limit,omitempty"`
	Record    *Record         `json:"record,omitempty"`
}

// passage is a request on its way through one proxy's chain.
type passage struct {
	e        *explainer
	w        model.Workload
	role     Role
	hop      Hop
	view     View            // as the filters so far leave it
	verdict  *Verdict        // once the proxy answers itself
	decision *model.Decision // the last that allowed
	instead  []Alternative
}

// pass walks a chain up to the router.
func (e *explainer) pass(w model.Workload, role Role, v View) *passage {
	v.Attributes, v.Claims = nil, nil // each proxy draws and verifies for itself
	p := &passage{e: e, w: w, role: role, view: v}
	p.hop.Role = role
	if role != RoleServer {
		p.hop.Proxy = w.ID()
	}
	received, ok := Receive(e.snap.Mesh, role, v)
	p.view, p.hop.Received = received, received
	if !ok {
		p.verdict = &Verdict{Status: 400, Reason: "Envoy refuses the path"}
		return p
	}
	for _, slot := range []func(){
		p.cors,
		func() { p.custom("custom", false) },
		func() { p.wasm(model.PhaseAuthn, "wasm-authn") },
		p.authentication,
		func() { p.custom("custom-after-authn", true) },
		p.attributes,
		func() { p.wasm(model.PhaseAuthz, "wasm-authz") },
		p.accessLists,
		p.authorization,
		p.limits,
		func() { p.wasm(model.PhaseStats, "wasm-stats") },
		func() { p.wasm(model.PhaseDefault, "wasm-default") },
	} {
		if p.verdict == nil {
			slot()
		}
	}
	return p
}

func (p *passage) step(s Step) { p.hop.Chain = append(p.hop.Chain, s) }

// attributes draws all, and only then writes headers, as the filter does.
func (p *passage) attributes() {
	if p.role == RoleClient {
		return
	}
	next := p.view.clone()
	next.Attributes = Attributes{}
	declared, maxBody, _ := model.AttributesOf(p.e.snap.Attributes, p.w)
	for _, a := range declared {
		value, ok, unknown := Draw(a, p.view, maxBody)
		drawn := AttributeValue{Name: a.Name, Value: value, Present: ok, Redacted: ok && a.Redact, Unknown: unknown, Header: a.ToHeader}
		if drawn.Redacted {
			drawn.Value = ""
			p.e.secret = append(p.e.secret, a)
		}
		if ok {
			next.Attributes[a.Name] = Drawn{Value: value, Type: a.Type, Redact: a.Redact}
		}
		p.step(Step{Slot: "attributes", Attribute: &drawn})
		switch {
		case a.ToHeader != "" && ok:
			next.Headers[strings.ToLower(a.ToHeader)] = []string{value}
		case a.ToHeader != "":
			delete(next.Headers, strings.ToLower(a.ToHeader))
		}
	}
	p.view = next
}

func (p *passage) limits() {
	if p.role == RoleClient {
		return
	}
	for _, l := range p.e.snap.Limits {
		if l.Scope == model.ScopeMesh || !l.Selector.Matches(p.w) {
			continue
		}
		c := Charge(*l, p.view)
		p.step(Step{Slot: "limit-local", Limit: &c})
		if c.Charged && l.Mode != model.Shadow {
			p.instead = append(p.instead, Alternative{Status: 429, Limit: l.ID(), Reason: "when the limit is exceeded"})
		}
	}
}
