package accesslogreceiver

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
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
		"a Wasm filter failed": {in: verdicts{details: "wasm_fail_stream"}, want: model.Decision{Place: model.Wasm, Reason: brokenFilter}, ok: true},
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
