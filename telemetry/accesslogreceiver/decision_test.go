package accesslogreceiver

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	denyRule  = "AuthorizationPolicy/default/no-debug/rule[0]"
	allowRule = "AuthorizationPolicy/default/readers/rule[1]"
)

func fields(t *testing.T, m map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// policyd gives the metadata of an answer of policyd.
func policyd(t *testing.T, allowed bool, reason string) map[string]*structpb.Struct {
	return map[string]*structpb.Struct{extAuthzNamespace: fields(t, map[string]any{
		"user": "the policy's own", "krater": map[string]any{
			"policy": "RegoPolicy default/ratings", "rule": "data.authz.allow", "placement": "daemon",
			"policySet": "abc", "decisionId": "0123", "allowed": allowed, "reason": reason,
		}})}
}

// lowered gives the verdicts of the proxy's own rules, by policy.
func lowered(t *testing.T, verdicts map[string]any) map[string]*structpb.Struct {
	all := map[string]any{}
	for name, v := range verdicts {
		all["rego/"+name+"/shadow_effective_policy_id"] = v
		all["rego/"+name+"/shadow_engine_result"] = "allowed"
	}
	return map[string]*structpb.Struct{rbacNamespace: fields(t, all)}
}

func TestDecide(t *testing.T) {
	allowedNatively := map[string]*structpb.Struct{rbacNamespace: fields(t, map[string]any{allowedByKey: allowRule})}
	both := policyd(t, true, "")
	both[rbacNamespace] = allowedNatively[rbacNamespace]
	rego := model.Decision{Policy: "RegoPolicy default/ratings", Rule: "data.authz.allow", Place: model.Daemon, PolicySet: "abc", DecisionID: "0123"}
	regoAllowed, regoTimeout := rego, rego
	regoAllowed.Allowed = true
	regoTimeout.Reason = "timeout"

	for name, c := range map[string]struct {
		in   verdicts
		want model.Decision
		ok   bool
	}{
		"nothing decided": {in: verdicts{details: "via_upstream"}},
		"denied by a rule": {
			in:   verdicts{details: "rbac_access_denied_matched_policy[" + denyRule + "]", policySet: "s1"},
			want: model.Decision{Policy: "AuthorizationPolicy default/no-debug", Rule: denyRule, Place: model.Native, PolicySet: "s1"}, ok: true,
		},
		"no allow rule matched": {
			in:   verdicts{details: "rbac_access_denied_matched_policy[none]", policySet: "s1"},
			want: model.Decision{Rule: model.ImplicitDeny, Place: model.Native, PolicySet: "s1"}, ok: true,
		},
		"allowed by a rule": {
			in:   verdicts{details: "via_upstream", metadata: allowedNatively},
			want: model.Decision{Policy: "AuthorizationPolicy default/readers", Rule: allowRule, Place: model.Native, Allowed: true}, ok: true,
		},
		"allowed by a rule, then limited": {
			in:   verdicts{details: "local_rate_limited", metadata: allowedNatively, limit: "default/ratings/per-user", policySet: "s1"},
			want: model.Decision{Policy: "RateLimit default/ratings", Rule: "default/ratings/per-user", Limit: "default/ratings/per-user", Place: model.Native}, ok: true,
		},
		"a limit that was asked did not refuse": {in: verdicts{details: "via_upstream", limit: "default/ratings/per-user"}},
		"denied by policyd":                     {in: verdicts{details: "ext_authz_denied", metadata: policyd(t, false, "")}, want: rego, ok: true},
		"denied by policyd's failure mode":      {in: verdicts{details: "ext_authz_denied", metadata: policyd(t, false, "timeout")}, want: regoTimeout, ok: true},
		"allowed by policyd":                    {in: verdicts{details: "via_upstream", metadata: policyd(t, true, "")}, want: regoAllowed, ok: true},
		"allowed by policyd and by a rule":      {in: verdicts{details: "via_upstream", metadata: both}, want: regoAllowed, ok: true},
		"allowed by policyd, no rule matched": {
			in:   verdicts{details: "rbac_access_denied_matched_policy[none]", metadata: policyd(t, true, "")},
			want: model.Decision{Rule: model.ImplicitDeny, Place: model.Native}, ok: true,
		},
		"policyd is away": {
			in:   verdicts{details: "ext_authz_error", policySet: "s1"},
			want: model.Decision{Place: model.Daemon, PolicySet: "s1", Reason: noAnswer}, ok: true,
		},
		"a Wasm filter answered": {
			in:   verdicts{filter: "denier/no-robots"},
			want: model.Decision{Policy: "Filter denier", Rule: "denier/no-robots", Place: model.Wasm}, ok: true,
		},
		"a Wasm filter held the request": {
			in:   verdicts{filter: "filter_held/Filter default/slow"},
			want: model.Decision{Policy: "Filter default/slow", Rule: "filter_held/Filter default/slow", Place: model.Wasm, Reason: brokenFilter}, ok: true,
		},
		"a Wasm filter's module is missing": {
			in:   verdicts{filter: "filter_module_missing/default/away"},
			want: model.Decision{Policy: "Filter default/away", Rule: "filter_module_missing/default/away", Place: model.Wasm, Reason: brokenFilter}, ok: true,
		},
		"a long access list refused": {
			in:   verdicts{filter: "accesslist/default/deny"},
			want: model.Decision{Policy: "AccessList default/deny", Rule: "accesslist/default/deny", Place: model.Wasm}, ok: true,
		},
		"a Wasm filter failed": {in: verdicts{details: "wasm_fail_stream"}, want: model.Decision{Place: model.Wasm, Reason: brokenFilter}, ok: true},
		"denied by a policy's lowered rule": {
			in:   verdicts{details: "lua_response", policySet: "s1", metadata: lowered(t, map[string]any{"default/a": "allow|a.rego:3", "default/b": "deny#2|b.rego:7", "default/c": "ask|"})},
			want: model.Decision{Policy: "RegoPolicy default/b", Rule: "RegoPolicy/default/b/b.rego:7", Place: model.Native, PolicySet: "s1"}, ok: true,
		},
		"allowed by every policy's lowered rules": {
			in:   verdicts{details: "via_upstream", metadata: lowered(t, map[string]any{"default/a": "allow|a.rego:3", "default/b": "allow|b.rego:7"})},
			want: model.Decision{Policy: "RegoPolicy default/b", Rule: "RegoPolicy/default/b/b.rego:7", Place: model.Native, Allowed: true}, ok: true,
		},
		"a Lua filter of somebody's answered": {in: verdicts{details: "lua_response", metadata: lowered(t, map[string]any{"default/a": "allow|a.rego:3"})},
			want: model.Decision{Policy: "RegoPolicy default/a", Rule: "RegoPolicy/default/a/a.rego:3", Place: model.Native, Allowed: true}, ok: true},
		"allowed by what the cache kept": {
			in:   verdicts{details: "via_upstream", cached: "allow", metadata: lowered(t, map[string]any{"default/a": "allow|a.rego:3", "default/b": "ask|b.rego:7"})},
			want: model.Decision{Policy: "RegoPolicy default/b", Rule: "RegoPolicy/default/b/cached", Place: model.Wasm, Allowed: true}, ok: true,
		},
		"denied by what the cache kept": {in: verdicts{cached: "deny"}, want: model.Decision{Rule: "cached", Place: model.Wasm}, ok: true},
		"a CUSTOM policy's provider refused": {
			in:   verdicts{details: "ext_authz_denied", custom: denyRule, metadata: policyd(t, true, "")},
			want: model.Decision{Policy: "AuthorizationPolicy default/no-debug", Rule: denyRule, Place: model.Daemon}, ok: true,
		},
		"the application refused": {
			in:   verdicts{details: "via_upstream", metadata: map[string]*structpb.Struct{rbacNamespace: fields(t, map[string]any{"allow_enforced_engine_result": "allowed"})}},
			want: model.Decision{}, ok: false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := decide(c.in)
			if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
				t.Errorf("decide: ok %v, want %v; (-want +got)\n%s", ok, c.ok, diff)
			}
		})
	}
}

func TestShadowsTellWhatWouldHaveBeen(t *testing.T) {
	shadow := func(policy, rule string, place model.Place, allowed bool) model.Decision {
		return model.Decision{Policy: policy, Rule: rule, Place: place, PolicySet: "s1", Allowed: allowed, Shadow: true}
	}
	because := func(d model.Decision, reason string) model.Decision {
		d.Reason = reason
		return d
	}
	const dry = "istio_dry_run_"
	for name, c := range map[string]struct {
		rbac     map[string]any
		extAuthz map[string]any
		details  string
		want     []model.Decision
	}{
		"nothing is in shadow": {rbac: map[string]any{"rego/a/b/shadow_effective_policy_id": "deny|x"}},
		"a lowered one": {
			rbac: map[string]any{"rego-shadow/a/b/shadow_effective_policy_id": "deny#1|b.rego:2", "rego-shadow/a/c/shadow_effective_policy_id": "allow|c.rego:3"},
			want: []model.Decision{shadow("RegoPolicy a/b", "RegoPolicy/a/b/b.rego:2", model.Native, false), shadow("RegoPolicy a/c", "RegoPolicy/a/c/c.rego:3", model.Native, true)},
		},
		"one that policyd was asked about": {
			rbac:     map[string]any{"rego-shadow/a/b/shadow_effective_policy_id": "ask|"},
			extAuthz: map[string]any{"krater_shadow": []any{map[string]any{"policy": "RegoPolicy a/b", "rule": "data.b.allow", "placement": "daemon", "allowed": false}}},
			want:     []model.Decision{shadow("RegoPolicy a/b", "data.b.allow", model.Daemon, false)},
		},
		"a dry run that denies": {
			rbac: map[string]any{dry + "deny_shadow_effective_policy_id": denyRule, dry + "deny_shadow_engine_result": "denied"},
			want: []model.Decision{shadow("AuthorizationPolicy default/no-debug", denyRule, model.Native, false)},
		},
		"a dry run that does not": {rbac: map[string]any{dry + "deny_shadow_engine_result": "allowed"}},
		"a dry run that allows nothing": {
			rbac: map[string]any{dry + "allow_shadow_engine_result": "denied"},
			want: []model.Decision{shadow("", model.ImplicitDeny, model.Native, false)},
		},
		"a dry run whose provider denies, one whose is away, one whose would be passed over, and one that was not asked": {
			rbac: map[string]any{
				dry + "custom_a_shadow_effective_policy_id": denyRule, dry + "said_custom_a_shadow_effective_policy_id": model.DryRunDenied,
				dry + "custom_b_shadow_effective_policy_id": denyRule, dry + "said_custom_b_shadow_effective_policy_id": model.DryRunRefused,
				dry + "custom_c_shadow_effective_policy_id": denyRule, dry + "said_custom_c_shadow_effective_policy_id": model.DryRunPassed,
				dry + "custom_d_shadow_effective_policy_id": denyRule, dry + "said_custom_e_shadow_effective_policy_id": model.DryRunDenied,
			},
			want: []model.Decision{
				shadow("AuthorizationPolicy default/no-debug", denyRule, model.Daemon, false),
				because(shadow("AuthorizationPolicy default/no-debug", denyRule, model.Daemon, false), "its provider could not be asked"),
				because(shadow("AuthorizationPolicy default/no-debug", denyRule, model.Daemon, true), "its provider could not be asked"),
				because(shadow("AuthorizationPolicy default/no-debug", denyRule, model.Daemon, true), "its provider was not asked"),
			},
		},
		"a dry run beside one that allows": {rbac: map[string]any{dry + "allow_shadow_engine_result": "denied", allowedByKey: allowRule}},
		"a dry run of what is refused anyway": {
			rbac: map[string]any{dry + "allow_shadow_engine_result": "denied"}, details: "rbac_access_denied_matched_policy[none]",
		},
		"a dry run that would allow what is refused": {
			rbac:    map[string]any{dry + "allow_shadow_engine_result": "allowed", dry + "allow_shadow_effective_policy_id": allowRule},
			details: "rbac_access_denied_matched_policy[none]",
			want:    []model.Decision{shadow("AuthorizationPolicy default/readers", allowRule, model.Native, true)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := verdicts{details: c.details, policySet: "s1", metadata: map[string]*structpb.Struct{
				rbacNamespace: fields(t, c.rbac), extAuthzNamespace: fields(t, c.extAuthz),
			}}
			if diff := cmp.Diff(c.want, v.shadows()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestASpanHasTheSameIdentity: from the tags that Envoy writes as JSON, which
// are gone then.
func TestASpanHasTheSameIdentity(t *testing.T) {
	a := pcommon.NewMap()
	for name, value := range map[string]string{
		"krater.verdicts.rbac":    `{"rego/default/b/shadow_effective_policy_id":"deny|b.rego:7","rego-shadow/default/s/shadow_effective_policy_id":"ask|"}`,
		"krater.verdicts.shadow":  `[{"policy":"RegoPolicy default/s","rule":"data.s.allow","placement":"daemon","allowed":false}]`,
		"krater.verdicts.details": "lua_response", "krater.policy_set": "s1", "http.method": "GET",
	} {
		a.PutStr(name, value)
	}
	DecideSpan(a)
	want := map[string]any{
		"http.method": "GET", "krater.decision.policy": "RegoPolicy default/b", "krater.decision.rule": "RegoPolicy/default/b/b.rego:7",
		"krater.decision.placement": "native", "krater.decision.policy_set": "s1", "krater.decision.allowed": false, "krater.shadow.denied": true,
		"krater.shadow": []any{map[string]any{"policy": "RegoPolicy default/s", "rule": "data.s.allow", "placement": "daemon", "allowed": false}},
	}
	if diff := cmp.Diff(want, a.AsRaw()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	none := pcommon.NewMap()
	none.PutStr("http.method", "GET")
	if DecideSpan(none); none.Len() != 1 {
		t.Errorf("a span without verdicts has %v", none.AsRaw())
	}
}
