package accesslogreceiver

import (
	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// putDecision sets a decision's identity: the same names on records and spans.
func putDecision(to pcommon.Map, d model.Decision) {
	for _, text := range []struct{ name, value string }{
		{"krater.decision.policy", d.Policy}, {"krater.decision.rule", d.Rule}, {"krater.decision.placement", string(d.Place)},
		{"krater.decision.policy_set", d.PolicySet}, {"krater.decision.id", d.DecisionID}, {"krater.decision.reason", d.Reason},
		{"krater.limit", d.Limit},
	} {
		if text.value != "" {
			to.PutStr(text.name, text.value)
		}
	}
	to.PutBool("krater.decision.allowed", d.Allowed)
}

// putShadows sets what policies in shadow would have decided.
func putShadows(to pcommon.Map, list []model.Decision) {
	if len(list) == 0 {
		return
	}
	denied := false
	all := to.PutEmptySlice("krater.shadow")
	for _, d := range list {
		denied = denied || !d.Allowed
		m := all.AppendEmpty().SetEmptyMap()
		m.PutStr("policy", d.Policy)
		m.PutStr("rule", d.Rule)
		m.PutStr("placement", string(d.Place))
		m.PutBool("allowed", d.Allowed)
		if d.DecisionID != "" {
			m.PutStr("id", d.DecisionID)
		}
		if d.Reason != "" {
			m.PutStr("reason", d.Reason)
		}
	}
	to.PutBool("krater.shadow.denied", denied)
}
