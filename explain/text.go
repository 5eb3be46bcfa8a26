package explain

import (
	"cmp"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Text writes an explanation for a terminal: ✓ what holds, ✗ what does not,
// and why; the verdicts begin with "→".
func Text(to io.Writer, x Explanation) error {
	t := &text{}
	from := x.Request.From
	if from == "" {
		from = "outside"
	}
	v := x.First.Received
	t.line(0, "%s %s%s from %s", v.Method, v.Authority, x.Request.Path, from)
	for _, name := range sortedHeaders(x.Request.Headers) {
		t.line(1, "%s: %s", name, strings.Join(x.Request.Headers[name], ", "))
	}
	t.hop(title(x.First), x.First)
	for _, o := range x.Outcomes {
		t.outcome(o, v)
	}
	_, err := io.WriteString(to, t.String())
	return err
}

type text struct{ strings.Builder }

func (t *text) line(depth int, format string, args ...any) {
	t.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

func sortedHeaders(h Headers) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func title(h Hop) string {
	if h.Role == RoleGateway {
		return "gateway " + h.Proxy
	}
	return "client's sidecar " + h.Proxy
}

func (t *text) hop(title string, h Hop) {
	t.line(0, "")
	t.line(0, "%s", title)
	for _, s := range h.Chain {
		if s.Record == nil {
			t.step(s)
		}
	}
	if h.Route != nil {
		t.route(*h.Route)
	}
	for _, s := range h.Chain { // taken down once the request was answered
		if s.Record != nil {
			t.record(*s.Record)
		}
	}
}

func (t *text) route(r RouteStep) {
	for _, s := range r.Skipped {
		t.line(1, "✗ route %s: %s", s.Route, s.Why)
	}
	switch {
	case r.Name == "":
		t.line(1, "✗ no route: %s", r.Reason)
	case r.Table == "":
		t.line(1, "✓ route %s: %s", r.Name, r.Reason)
	default:
		t.line(1, "✓ route %s: %s", r.Name, r.Matched)
	}
	if r.Delegate != "" {
		t.line(2, "declared by %s for %s", r.Delegate, r.Table)
	}
	if f := r.Fault; f != nil && f.Delay != nil {
		t.line(2, "fault: %v%% wait %s", f.Delay.Percent, f.Delay.Fixed)
	}
	if f := r.Fault; f != nil && f.Abort != nil {
		t.line(2, "fault: %v%% get %s", f.Abort.Percent, abortText(*f.Abort))
	}
	if r.Location != "" {
		t.line(2, "location: %s", r.Location)
	}
	if r.Timeout != nil {
		t.line(2, "timeout %s", *r.Timeout)
	}
	if r.Retries > 0 && len(r.Targets) > 0 {
		t.line(2, "at most %d retries", r.Retries)
	}
	for _, m := range r.Mirrors {
		t.line(2, "%v%% are copied to %s", m.Percent, m.Cluster)
	}
}

func abortText(a model.FaultAbort) string {
	if a.GRPC != nil {
		return fmt.Sprintf("gRPC status %d", *a.GRPC)
	}
	return fmt.Sprint(a.Status)
}

// outcome prints one end of a request that its first proxy received as first.
func (t *text) outcome(o Outcome, first View) {
	if o.Cluster != "" {
		t.line(0, "")
		t.line(0, "%.4g%% to %s", o.Percent, o.Cluster)
	}
	if o.Server != nil {
		t.changes(first, o.Server.Received)
		if who := o.Server.Received.Principal; who != "" {
			t.line(1, "by mutual TLS, as %s", who)
		} else {
			t.line(1, "in plain text")
		}
		t.hop("sidecar of "+strings.Join(o.Workloads, ", "), *o.Server)
	}
	t.verdict(o.Verdict)
}

// changes prints what a route made of a request.
func (t *text) changes(before, after View) {
	if before.Authority != after.Authority || before.Path != after.Path {
		t.line(1, "as %s %s%s", after.Method, after.Authority, after.Path)
	}
	for _, name := range sortedHeaders(before.Headers) {
		if _, kept := after.Headers[name]; !kept {
			t.line(1, "without header %s", name)
		}
	}
	for _, name := range sortedHeaders(after.Headers) {
		now, _ := after.Headers.Get(name)
		if was, had := before.Headers.Get(name); (!had || was != now) && name != "x-forwarded-for" {
			t.line(1, "with header %s: %s", name, now)
		}
	}
}

func (t *text) verdict(v Verdict) {
	status := fmt.Sprint(v.Status)
	if v.Upstream {
		status = "whatever the application answers"
	}
	t.line(0, "→ %s: %s", status, v.Reason)
	if d := v.Decision; d != nil {
		t.line(1, "policy %s, rule %s (%s)", cmp.Or(d.Policy, "of several"), d.Rule, d.Place)
	}
	for _, i := range v.Instead {
		switch {
		case i.Limit != "":
			t.line(1, "or %d %s: %s", i.Status, i.Reason, i.Limit)
		default:
			t.line(1, "or %d for %v%%: %s", i.Status, i.Percent, i.Reason)
		}
	}
}

func (t *text) step(s Step) {
	switch {
	case s.Filter != nil:
		t.filter(*s.Filter)
	case s.Token != nil:
		t.token(*s.Token)
	case s.Attribute != nil:
		t.attribute(*s.Attribute)
	case s.Policy != nil:
		t.policy(*s.Policy)
	case s.Rego != nil:
		t.rego(*s.Rego)
	case s.Limit != nil:
		t.limit(*s.Limit)
	}
}

func (t *text) filter(f FilterRun) {
	sign, code := "•", f.Module
	if f.Type == model.FilterLua {
		code = "Lua"
	}
	if f.Passed {
		sign = "✗"
	}
	if f.Missing {
		code += ", which cannot be had"
	}
	t.line(1, "%s filter %s (%s, %s)%s", sign, f.Filter, f.Phase, code, after(f.Why))
}

func (t *text) token(r TokenResult) {
	switch {
	case r.Where == "":
		t.line(1, "• %s: no token of %s", r.Rule, cmp.Or(r.Issuer, "anybody"))
	case !r.Valid:
		t.line(1, "✗ %s: the token in %s: %s", r.Rule, r.Where, r.Why)
	default:
		t.line(1, "✓ %s: the token in %s holds, of %s; claims %s", r.Rule, r.Where, cmp.Or(r.Principal, "nobody in particular"), strings.Join(r.Claims, ", "))
	}
}

func (t *text) attribute(a AttributeValue) {
	switch {
	case a.Unknown:
		t.line(1, "• attribute %s: only a running proxy knows; taken for absent", a.Name)
	case !a.Present:
		t.line(1, "✗ attribute %s: absent", a.Name)
	case a.Redacted:
		t.line(1, "✓ attribute %s: (redacted)", a.Name)
	default:
		t.line(1, "✓ attribute %s: %q", a.Name, a.Value)
	}
}

func (t *text) policy(p PolicyResult) {
	dry := ""
	switch {
	case p.DryRun && p.Would == "":
		dry = " (dry run: would change nothing)"
	case p.DryRun:
		dry = " (dry run: would " + p.Would + ")"
	}
	if p.Provider != "" && p.Matched && !p.DryRun {
		dry = ": the provider " + p.Provider + " is asked"
	}
	t.line(1, "%s %s %s%s", mark(p.Matched), p.Action, p.Policy, dry)
	for _, r := range p.Rules {
		if r.Matched {
			t.line(2, "✓ %s", r.Rule)
		} else {
			t.line(2, "✗ %s: %s", r.Rule, r.Why)
		}
	}
	if len(p.Rules) == 0 {
		t.line(2, "has no rules: matches nothing")
	}
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

func (t *text) rego(r RegoResult) {
	verdict, sign := "allows", mark(r.Allowed)
	switch {
	case !r.Asked:
		verdict, sign = "was not asked", "•"
	case !r.Allowed:
		verdict = fmt.Sprintf("denies with %d", r.Status)
	}
	if r.Shadow {
		verdict, sign = "in shadow "+verdict, "•"
	}
	by := map[model.Place]string{model.Native: ", by the proxy itself", model.Daemon: ", by policyd"}[r.Place]
	if r.Within > 0 {
		by += fmt.Sprintf(", which must have heard of the control plane within %s", r.Within.Std())
	}
	t.line(1, "%s %s %s (%s)%s%s", sign, r.Policy, verdict, r.Rule, by, after(r.Reason))
	for _, line := range r.Trace {
		t.line(2, "%s", line)
	}
}

func after(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func (t *text) limit(l LimitCharge) {
	if !l.Charged {
		t.line(1, "✗ limit %s: %s", l.Limit, l.Why)
		return
	}
	bucket := "one bucket for all"
	if len(l.Key) > 0 {
		parts := make([]string, len(l.Key))
		for i, k := range l.Key {
			parts[i] = fmt.Sprintf("%s=%q", k.Attribute, k.Value)
		}
		bucket = strings.Join(parts, ", ")
	}
	t.line(1, "✓ limit %s: %d per %s, burst %d; %s", l.Limit, l.Requests, l.Per, l.Burst, bucket)
}

func (t *text) record(r Record) {
	what := append(append([]string(nil), r.Metrics...), r.Logs...)
	when := ""
	if r.When != "" {
		when = " if " + r.When
	}
	t.line(1, "• %s records %s%s", r.Rule, strings.Join(what, ", "), when)
}
