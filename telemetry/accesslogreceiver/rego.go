package accesslogreceiver

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Where lowered RegoPolicies leave their verdicts: the stat prefix of each is
// its name.
const (
	loweredPrefix = "rego/"
	shadowPrefix  = "rego-shadow/"
	verdictKey    = "/shadow_effective_policy_id"
	regoKind      = "RegoPolicy"
)

// loweredVerdict is what the proxy's own rules say of one RegoPolicy.
type loweredVerdict struct {
	policy  model.Ref
	verdict model.Verdict
	rule    string // "" where none held
	shadow  bool
}

// lowered reads the verdicts of the enforced policies, or of those in shadow,
// in the policies' order.
func (v verdicts) lowered(shadow bool) []loweredVerdict {
	prefix := loweredPrefix
	if shadow {
		prefix = shadowPrefix
	}
	fields := v.rbac().GetFields()
	var out []loweredVerdict
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		name, ok := strings.CutPrefix(key, prefix)
		name, ok2 := strings.CutSuffix(name, verdictKey)
		namespace, name, ok3 := strings.Cut(name, "/")
		if !ok || !ok2 || !ok3 {
			continue
		}
		word, rule, _ := strings.Cut(fields[key].GetStringValue(), "|")
		word, _, _ = strings.Cut(word, "#") // which of the denials
		out = append(out, loweredVerdict{model.Ref{Kind: regoKind, Namespace: namespace, Name: name}, model.Verdict(word), rule, shadow})
	}
	return out
}

// ofRego is a lowered verdict as a decision.
func (v verdicts) ofRego(l loweredVerdict) model.Decision {
	return model.Decision{
		Policy: l.policy.String(), Rule: model.RegoRuleID(l.policy, l.rule), Place: model.Native, PolicySet: v.policySet,
		Allowed: l.verdict == model.VerdictAllow, Shadow: l.shadow,
	}
}

// answered is the denial that the proxy gave by its own rules.
func (v verdicts) answered() (model.Decision, bool) {
	for _, l := range v.lowered(false) {
		if l.verdict == model.VerdictDeny {
			return v.ofRego(l), true
		}
	}
	return model.Decision{}, false
}

// kept is a decision of the proxy's cache. All that had to be asked allow what is
// allowed, and the last of them is named; who denied is known of a single one.
func (v verdicts) kept(allowed bool) model.Decision {
	d := model.Decision{Rule: cachedRule, Place: model.Wasm, PolicySet: v.policySet, Allowed: allowed}
	var asked []loweredVerdict
	for _, l := range v.lowered(false) {
		if l.verdict == model.VerdictAsk {
			asked = append(asked, l)
		}
	}
	if last := len(asked) - 1; last == 0 || allowed && last > 0 {
		d.Policy, d.Rule = asked[last].policy.String(), model.RegoRuleID(asked[last].policy, cachedRule)
	}
	return d
}

// provider is the refusal of a CUSTOM policy's provider, which is no part of
// the mesh.
func (v verdicts) provider() model.Decision {
	d := model.Decision{Policy: policyOf(v.custom), Rule: v.custom, Place: model.Daemon, PolicySet: v.policySet}
	switch {
	case v.details == noAnswerDetails:
		d.Reason = providerAway
	case v.metadata[connectionRBAC] != nil:
		d.Reason = "its provider refused, or could not be asked" // Envoy does not say which
	}
	return d
}
