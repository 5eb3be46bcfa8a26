package envoy_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// verdict is who decided what: "allowed", "denied" or "refused" (no request
// for Envoy: 400, or 404 where the target is no path), and
// the rule.
type verdict struct {
	what, rule string
	marks      // of a request that Envoy took for one
}

// marks are the AUDIT rule, and the rules of dry runs, that matched; of dry ALLOW
// policies also "denied", where none did.
type marks struct{ audit, dryDeny, dryAllow string }

// question is a request that was sent, and what explain said of it then.
type question struct {
	draw    int
	objects []any
	request rawRequest
	want    verdict
	id      string
	answer  *http.Response
}

// TestAuthorizationAgrees draws policies and requests that nearly match them,
// and holds explain's verdict and rule to a real Envoy's. A failure is a
// security bug: in translation, or in what users are told.
func TestAuthorizationAgrees(t *testing.T) {
	a := newAgreement(t)
	a.holds(draws(t, 300), func(policies []any) []any { return policies })
}

// TestLargeAuthorizationAgrees is the same for policies that are so large that
// they are looked up in trees, most of whose rules no request is for.
func TestLargeAuthorizationAgrees(t *testing.T) {
	a := newAgreement(t)
	n, trees := draws(t, 120), 0
	a.holds(n, func(policies []any) []any {
		for _, p := range policies {
			enlarge(p.(map[string]any)["spec"].(map[string]any))
		}
		return policies
	}, func() {
		if a.hasTrees() {
			trees++
		}
	})
	if t.Logf("%d of %d draws are trees", trees, n); trees < n/3 {
		t.Errorf("%d of %d draws are trees: what is drawn tests too little", trees, n)
	}
}

// enlarge adds rules: of one value each before those that are there, and one of
// many behind them.
func enlarge(spec map[string]any) {
	rules, _ := spec["rules"].([]any)
	if len(rules) == 0 || spec["action"] == "AUDIT" {
		return
	}
	to := func(paths ...any) any {
		return map[string]any{"to": []any{map[string]any{"operation": map[string]any{"paths": paths}}}}
	}
	var before []any
	for i := range 40 {
		before = append(before, to(fmt.Sprintf("/no/%d", i)))
	}
	var many []any
	for i := range 40 {
		many = append(many, fmt.Sprintf("/none/%d", i))
	}
	spec["rules"] = append(append(before, rules...), to(many...))
}

// hasTrees tells whether some filter of the proxy looks policies up.
func (a *agreement) hasTrees() bool {
	all, _ := translate.AuthorizationFilters(a.snap, a.snap.Workloads[0], noOptions)
	return slices.ContainsFunc(all, func(f *corev3.TypedExtensionConfig) bool {
		rbac := &rbacv3.RBAC{}
		return f.GetTypedConfig().UnmarshalTo(rbac) == nil && (rbac.Matcher != nil || rbac.ShadowMatcher != nil)
	})
}

// holds explanations to Envoy's verdicts, for n draws of policies that are
// changed, and after each of which something is done.
func (a *agreement) holds(n int, change func([]any) []any, after ...func()) {
	t := a.t
	requests, tally := 20, map[string]int{}
	var open []question
	for i := range n {
		d := newDrawer(seed(t), i)
		if objects := change(d.policies(a.network)); a.govern(objects) {
			for _, f := range after {
				f()
			}
			for range requests {
				q := question{draw: i, objects: objects, request: d.request(a.network)}
				q.want = a.explained(q.request)
				q.id, q.answer = a.ask(q.request)
				open = append(open, q)
			}
		}
		if i%50 == 49 || i == n-1 { // records come in batches: not one by one
			a.close(open, tally)
			open = nil
		}
	}
	t.Logf("%d requests: %v", n*requests, tally)
	for _, what := range []string{"allowed by rule", "allowed without", "denied by rule", "denied without", "refused"} {
		if n >= 100 && tally[what] < n*requests/100 {
			t.Errorf("of %d requests only %d are %s: what is drawn tests too little", n*requests, tally[what], what)
		}
	}
	if tally["late"] > n/10 {
		t.Errorf("%d answers came from older policies than those that had settled", tally["late"])
	}
}

// close compares answers, and reports one disagreement of each draw.
func (a *agreement) close(questions []question, tally map[string]int) {
	reported := -1
	for _, q := range questions {
		got := a.told(q.id, q.answer)
		what := got.what
		if what != "refused" {
			what += map[bool]string{true: " without", false: " by rule"}[got.rule == "" || got.rule == model.ImplicitDeny]
		}
		tally[what]++
		switch {
		case q.want.agrees(got) || q.draw == reported:
		case !a.disagrees(q.objects, q.request):
			tally["late"]++ // the proxy's worker had the old policies still
		default:
			reported = q.draw
			fails := a.disagrees
			if got.what != q.want.what {
				fails = a.opposes // which needs no record, and is fast
			}
			objects, r := shrink(q.objects, q.request, 150, fails)
			a.govern(objects)
			a.t.Errorf("seed %d, draw %d: explain says %v, Envoy %v\n%s\nas explain sees it: %+v\n%s",
				seed(a.t), q.draw, a.explained(r), a.decided(r), r, a.received(r), policiesText(a.t, objects))
			if tally["reported"]++; tally["reported"] == 5 {
				a.t.FailNow() // one cause has many cases
			}
		}
	}
}

// govern puts declared policies in force; false: they are not valid.
func (a *agreement) govern(objects []any) bool {
	contents, ok := entries(a.t, objects)
	if !ok {
		return false
	}
	a.snap.Authorization = nil
	for _, c := range contents {
		a.snap.Authorization = append(a.snap.Authorization, c.Authorization)
	}
	slices.SortFunc(a.snap.Authorization, func(x, y *model.AuthorizationPolicy) int {
		return strings.Compare(x.Object.Name, y.Object.Name)
	})
	a.publish()
	return true
}

// disagrees puts policies in force, and asks.
func (a *agreement) disagrees(objects []any, r rawRequest) bool {
	return a.govern(objects) && !a.explained(r).agrees(a.decided(r)) && !a.explained(r).agrees(a.decided(r))
}

// opposes is disagrees, on whether the request passes.
func (a *agreement) opposes(objects []any, r rawRequest) bool {
	if !a.govern(objects) {
		return false
	}
	_, res := a.ask(r)
	passes := res.Header.Get("x-app") != ""
	return passes != (a.explained(r).what == "allowed")
}

// agrees compares an explained verdict with a real one. What is refused must
// not get through; who refuses it first may differ.
func (v verdict) agrees(real verdict) bool {
	return v == real || v.what == "refused" && real.what == "denied"
}

func (a *agreement) received(r rawRequest) explain.View {
	v, _ := explain.Receive(a.snap.Mesh, explain.RoleServer, r.view())
	return v
}

// explained is the reference evaluator's verdict.
func (a *agreement) explained(r rawRequest) verdict {
	v, ok := explain.Receive(a.snap.Mesh, explain.RoleServer, r.view())
	if !ok {
		return verdict{what: "refused"}
	}
	page := a.snap.Workloads[0]
	v.Destination = page.Address
	var m marks
	_, m.audit = explain.Authorize(a.snap.Authorization, model.Audit, page, v)
	_, m.dryDeny = explain.DryRun(a.snap.Authorization, model.Deny, page, v)
	if _, rule := explain.Authorize(a.snap.Authorization, model.Deny, page, v); rule != "" {
		return verdict{"denied", rule, m}
	}
	if dry, rule := explain.DryRun(a.snap.Authorization, model.Allow, page, v); len(dry) > 0 {
		if m.dryAllow = rule; rule == "" {
			m.dryAllow = "denied"
		}
	}
	results, rule := explain.Authorize(a.snap.Authorization, model.Allow, page, v)
	if len(results) > 0 && rule == "" {
		return verdict{"denied", model.ImplicitDeny, m}
	}
	return verdict{"allowed", rule, m}
}

// marked are the marks that a record has.
func marked(e *accesslogdata.HTTPAccessLogEntry) (m marks) {
	all := e.GetCommonProperties().GetMetadata().GetFilterMetadata()
	fields := all["envoy.filters.http.rbac"].GetFields()
	m.audit = ruleOf(e, "audit_")
	if m.audit != "" && !all["envoy.common"].GetFields()["access_log_hint"].GetBoolValue() {
		m.audit += ", without the hint"
	}
	named := func(key string) string { // "none" is a tree's word for no rule
		return strings.TrimPrefix(fields[key].GetStringValue(), "none")
	}
	m.dryDeny = named("istio_dry_run_deny_shadow_effective_policy_id")
	if m.dryAllow = named("istio_dry_run_allow_shadow_effective_policy_id"); m.dryAllow == "" && fields["istio_dry_run_allow_shadow_engine_result"].GetStringValue() == "denied" {
		m.dryAllow = "denied"
	}
	return m
}

// ask sends a request under a name of its own.
func (a *agreement) ask(r rawRequest) (id string, res *http.Response) {
	id = a.nextID()
	r.Headers = append(slices.Clone(r.Headers), [2]string{"x-request-id", id})
	return id, a.wires.send(a.t, r)
}

// decided is Envoy's verdict.
func (a *agreement) decided(r rawRequest) verdict {
	id, res := a.ask(r)
	return a.told(id, res)
}

// told reads an answer, and the record of it.
func (a *agreement) told(id string, res *http.Response) verdict {
	switch {
	case res.StatusCode == http.StatusBadRequest, res.StatusCode == http.StatusNotFound:
		return verdict{what: "refused"}
	case res.StatusCode == http.StatusOK && res.Header.Get("x-app") != "":
		e := a.log.take(a.t, id)
		return verdict{"allowed", ruleOf(e, "allow_"), marked(e)}
	case res.StatusCode == http.StatusForbidden:
		e := a.log.take(a.t, id)
		if rule := ruleOf(e, "deny_"); rule != "" {
			return verdict{"denied", rule, marked(e)}
		}
		details := e.GetResponse().GetResponseCodeDetails()
		return verdict{"denied", map[bool]string{true: model.ImplicitDeny, false: details}[details == "rbac_access_denied_matched_policy[none]"], marked(e)}
	}
	return verdict{what: fmt.Sprintf("%d %v", res.StatusCode, res.Header)}
}

// ruleOf is the rule that a record names for one action.
func ruleOf(e *accesslogdata.HTTPAccessLogEntry, action string) string {
	fields := e.GetCommonProperties().GetMetadata().GetFilterMetadata()["envoy.filters.http.rbac"].GetFields()
	rule := fields[action+"enforced_effective_policy_id"].GetStringValue()
	if rule == "none" {
		return ""
	}
	return rule
}

func policiesText(t *testing.T, objects []any) string {
	var texts []string
	for _, o := range objects {
		texts = append(texts, asYAML(t, o))
	}
	return strings.Join(texts, "---\n")
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
