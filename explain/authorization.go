package explain

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// PolicySet is the version of the rules that decide about a workload's
// requests, as logs and decisions carry it; "" where there are none. It is
// the hash that translation writes into the authorization slot.
func PolicySet(s *model.Snapshot, w model.Workload) string {
	var rules struct {
		Custom, Audit, Deny, Allow []model.AuthorizationPolicy
		Rego                       []model.RegoPolicy
	}
	for _, p := range s.Authorization {
		switch {
		case !p.Selects(w):
		case p.Action == model.Custom:
			rules.Custom = append(rules.Custom, *p)
		case p.Action == model.Audit:
			rules.Audit = append(rules.Audit, *p)
		case p.Action == model.Deny:
			rules.Deny = append(rules.Deny, *p)
		default:
			rules.Allow = append(rules.Allow, *p)
		}
	}
	for _, p := range s.Rego {
		if p.Selector.Matches(w) {
			rules.Rego = append(rules.Rego, *p)
		}
	}
	if len(rules.Custom)+len(rules.Audit)+len(rules.Deny)+len(rules.Allow)+len(rules.Rego) == 0 {
		return ""
	}
	return model.Hash(rules)
}

// PolicyResult is what one AuthorizationPolicy says of a request.
type PolicyResult struct {
	Policy  string       `json:"policy"` // "AuthorizationPolicy namespace/name"
	Action  model.Action `json:"action"`
	Matched bool         `json:"matched"` // some rule did
	Rules   []RuleResult `json:"rules,omitempty"`
	// Provider is who is asked where a rule of a CUSTOM policy matches.
	Provider string `json:"provider,omitempty"`
	// DryRun is a policy that only records; Would is what it would have done to
	// this request, beside the policies that are in force: "deny", "allow",
	// "mark", "ask", or nothing.
	DryRun bool   `json:"dryRun,omitempty"`
	Would  string `json:"would,omitempty"`
}

// RuleResult is one rule's: Why is its first failing condition.
type RuleResult struct {
	Rule    string `json:"rule"` // model.RuleID
	Matched bool   `json:"matched"`
	Why     string `json:"why,omitempty"`
}

// Authorize is the reference evaluator of the policies of one action that
// select a workload, in the snapshot's order: Envoy's RBAC answers the same.
// rule is the one that decides: of those that match the first by name, as
// Envoy sorts them; "" where none does. Dry runs are not among them.
func Authorize(policies []*model.AuthorizationPolicy, action model.Action, w model.Workload, v View) (results []PolicyResult, rule string) {
	return authorize(policies, action, w, v, func(p *model.AuthorizationPolicy) bool { return !p.DryRun })
}

// DryRun is Authorize for the policies that only record. "Would" is theirs to
// say who knows what is in force.
func DryRun(policies []*model.AuthorizationPolicy, action model.Action, w model.Workload, v View) (results []PolicyResult, rule string) {
	return authorize(policies, action, w, v, func(p *model.AuthorizationPolicy) bool { return p.DryRun })
}

func authorize(policies []*model.AuthorizationPolicy, action model.Action, w model.Workload, v View, of func(*model.AuthorizationPolicy) bool) (results []PolicyResult, rule string) {
	for _, p := range policies {
		if p.Action != action || !of(p) || !p.Selects(w) {
			continue
		}
		result := PolicyResult{Policy: p.Object.String(), Action: p.Action, Provider: p.Provider, DryRun: p.DryRun}
		for i, r := range p.Rules {
			ok, why := MatchRule(r, v)
			id := p.RuleID(i)
			result.Rules = append(result.Rules, RuleResult{Rule: id, Matched: ok, Why: why})
			if ok && (rule == "" || id < rule) {
				rule = id
			}
			result.Matched = result.Matched || ok
		}
		results = append(results, result)
	}
	return results, rule
}

// MatchRule evaluates one rule; why is the first condition that fails. Where
// several sources or operations fail, it is that of each.
func MatchRule(r model.AuthorizationRule, v View) (ok bool, why string) {
	if why := anyOf("from", r.From, func(s model.Source) string { return sourceFails(s, v) }); why != "" {
		return false, why
	}
	if why := anyOf("to", r.To, func(o model.Operation) string { return operationFails(o, v) }); why != "" {
		return false, why
	}
	for _, c := range r.When {
		if why := conditionFails(c, v); why != "" {
			return false, why
		}
	}
	return true, ""
}

// anyOf gives "" where there is nothing to ask, or one of the list holds.
func anyOf[T any](name string, list []T, fails func(T) string) string {
	var whys []string
	for i, item := range list {
		why := fails(item)
		if why == "" {
			return ""
		}
		whys = append(whys, fmt.Sprintf("%s[%d]: %s", name, i, why))
	}
	return strings.Join(whys, "; ")
}

func sourceFails(s model.Source, v View) string {
	switch {
	case len(s.IPBlocks) > 0 && !inBlocks(s.IPBlocks, v.Peer):
		return fmt.Sprintf("the peer %s is not in %s", v.Peer, strings.Join(s.IPBlocks, ", "))
	case inBlocks(s.NotIPBlocks, v.Peer):
		return fmt.Sprintf("the peer %s is in %s", v.Peer, strings.Join(s.NotIPBlocks, ", "))
	case len(s.RemoteIPBlocks) > 0 && !inBlocks(s.RemoteIPBlocks, v.Remote):
		return fmt.Sprintf("the client %s is not in %s", v.Remote, strings.Join(s.RemoteIPBlocks, ", "))
	case inBlocks(s.NotRemoteIPBlocks, v.Remote):
		return fmt.Sprintf("the client %s is in %s", v.Remote, strings.Join(s.NotRemoteIPBlocks, ", "))
	}
	if why := callerFails(s, v.Principal); why != "" {
		return why
	}
	return tokenFails(s, v)
}

// inBlocks tells whether an IP is in one of the CIDR blocks (or addresses).
// An IPv4 address written as IPv6 is in no IPv4 block, as in Envoy.
func inBlocks(blocks []string, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(blocks, func(block string) bool {
		if prefix, err := netip.ParsePrefix(block); err == nil {
			return prefix.Masked().Contains(addr)
		}
		one, err := netip.ParseAddr(block)
		return err == nil && one == addr
	})
}

func operationFails(o model.Operation, v View) string {
	path, _ := v.Target()
	for _, part := range []struct {
		name, value string
		yes, no     []model.StringMatch
		matches     func(model.StringMatch, string) bool
	}{
		{"host", v.Authority, o.Hosts, o.NotHosts, MatchHost},
		{"method", v.Method, o.Methods, o.NotMethods, model.StringMatch.Matches},
		{"path", path, o.Paths, o.NotPaths, model.StringMatch.Matches},
	} {
		matches := func(m model.StringMatch) bool { return part.matches(m, part.value) }
		if len(part.yes) > 0 && !slices.ContainsFunc(part.yes, matches) {
			return fmt.Sprintf("%s %q is not %s", part.name, part.value, describeAny(part.yes))
		}
		if i := slices.IndexFunc(part.no, matches); i >= 0 {
			return fmt.Sprintf("%s %q is %s", part.name, part.value, Describe(part.no[i]))
		}
	}
	return connectionFails(o, v)
}

// endsInPort tells a pattern of host and port.
var endsInPort = regexp.MustCompile(`:(\d+|\*)$`)

// MatchHost compares an authority in any case; a pattern without a port holds
// with any.
func MatchHost(m model.StringMatch, authority string) bool {
	m.IgnoreCase = true
	if m.Matches(authority) {
		return true
	}
	i := endsInPort.FindStringIndex(authority)
	return i != nil && !endsInPort.MatchString(m.Value) && m.Matches(authority[:i[0]])
}

func describeAny(list []model.StringMatch) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = Describe(m)
	}
	return strings.Join(texts, " or ")
}
