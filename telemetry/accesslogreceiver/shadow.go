package accesslogreceiver

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
	"google.golang.org/protobuf/types/known/structpb"
)

// Where verdicts that do not count are. Istio's names for its dry run stay.
const (
	daemonShadowKey = "krater_shadow" // a list of policyd's decisions
	dryRun          = "istio_dry_run_"
	dryRunRule      = "_shadow_effective_policy_id"
	dryRunResult    = "_shadow_engine_result"
	dryRunSaid      = "said_" // what a CUSTOM policy's provider said
)

// shadows are what policies in shadow would have decided.
func (v verdicts) shadows() []model.Decision {
	var out []model.Decision
	known := map[string]bool{} // policyd is asked about all at once
	for _, l := range v.lowered(true) {
		if l.verdict == model.VerdictAllow || l.verdict == model.VerdictDeny {
			out = append(out, v.ofRego(l))
			known[l.policy.String()] = true
		}
	}
	for _, one := range v.metadata[extAuthzNamespace].GetFields()[daemonShadowKey].GetListValue().GetValues() {
		d := v.ofDaemon(one.GetStructValue())
		if d.Shadow = true; !known[d.Policy] {
			out = append(out, d)
		}
	}
	return append(out, v.dryRuns()...)
}

// dryRuns are those of AuthorizationPolicies. One that only allows would deny
// where nothing else allowed; where an enforced one did, it changes nothing.
func (v verdicts) dryRuns() []model.Decision {
	fields := v.rbac()
	var out []model.Decision
	would := func(kind string, allowed bool) {
		rule := text(fields, dryRun+kind+dryRunRule)
		if rule == "" || rule == "none" {
			rule = model.ImplicitDeny
		}
		d := v.native(rule, allowed)
		d.Shadow = true
		out = append(out, d)
	}
	if text(fields, dryRun+"deny"+dryRunResult) == "denied" {
		would("deny", false)
	}
	allowed, refused := v.allowedBy() != "", v.details == rbacDetails+"none]"
	switch result := text(fields, dryRun+"allow"+dryRunResult); {
	case result == "denied" && (!allowed || v.allowedBy() == "none") && !refused:
		would("allow", false)
	case result == "allowed":
		would("allow", true)
	}
	for _, key := range slices.Sorted(maps.Keys(fields.GetFields())) {
		provider, ok := strings.CutPrefix(key, dryRun+"custom_")
		if provider, ok2 := strings.CutSuffix(provider, dryRunRule); ok && ok2 {
			out = append(out, v.providerWould(text(fields, key), text(fields, dryRun+dryRunSaid+"custom_"+provider+dryRunRule)))
		}
	}
	return out
}

// providerWould is what a provider said that was asked in shadow. One that
// said nothing was not asked: something else answered before.
func (v verdicts) providerWould(rule, said string) model.Decision {
	d := model.Decision{Policy: policyOf(rule), Rule: rule, Place: model.Daemon, PolicySet: v.policySet, Shadow: true,
		Allowed: said != model.DryRunDenied && said != model.DryRunRefused}
	switch said {
	case model.DryRunPassed, model.DryRunRefused:
		d.Reason = providerAway
	case "":
		d.Reason = "its provider was not asked"
	}
	return d
}

// ofDaemon reads one of policyd's decisions.
func (v verdicts) ofDaemon(s *structpb.Struct) model.Decision {
	d := model.Decision{
		Policy: text(s, "policy"), Rule: text(s, "rule"), Place: model.Place(text(s, "placement")),
		PolicySet: text(s, "policySet"), DecisionID: text(s, "decisionId"),
		Allowed: s.GetFields()["allowed"].GetBoolValue(), Reason: text(s, "reason"),
	}
	if d.PolicySet == "" {
		d.PolicySet = v.policySet
	}
	return d
}
