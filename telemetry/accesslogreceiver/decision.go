package accesslogreceiver

import (
	"maps"
	"slices"
	"strings"

	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"github.com/krater-mesh/krater/model"
	"google.golang.org/protobuf/types/known/structpb"
)

// Where the proxy's filters leave their verdicts, and the words they use.
const (
	rbacNamespace     = "envoy.filters.http.rbac"
	connectionRBAC    = "envoy.filters.network.rbac"
	extAuthzNamespace = "envoy.filters.http.ext_authz"
	allowedByKey      = "allow_enforced_effective_policy_id" // stat prefix "allow_"
	auditKey          = "audit_enforced_effective_policy_id"
	// Of connections Envoy names only the rules of a shadow: the same rules.
	allowedConnection = "allow_shadow_effective_policy_id"
	auditConnection   = "audit_shadow_effective_policy_id"
	providerFound     = "custom_" // and a provider's name
	daemonKey         = "krater"  // policyd's part of its own metadata

	rbacDetails     = "rbac_access_denied_matched_policy["
	limitDetails    = "local_rate_limited"
	noAnswerDetails = "ext_authz_error"
	deniedDetails   = "ext_authz_denied"
	brokenDetails   = "wasm_fail_stream"
	answeredDetails = "lua_response" // a RegoPolicy's denial, given by the proxy

	ofFilter = "filter_"     // not said by a filter, but of one: held, missing
	longList = "accesslist/" // of a list that the built-in filter looks up

	cachedRule = "cached" // a decision that the proxy kept from an earlier request

	noAnswer     = "policyd could not be asked"
	brokenFilter = "the filter failed"
	providerAway = "its provider could not be asked"
)

// verdicts is what one log entry says about decisions.
type verdicts struct {
	details   string // response code details: who answered, if a filter did
	metadata  map[string]*structpb.Struct
	policySet string // the authorization slot's version
	limit     string // Limit.ID() of the last limit that was asked
	filter    string // FILTER/RULE of the Wasm filter that answered
	custom    string // rule of the CUSTOM policy whose provider was being asked
	cached    string // what the decision cache came to: allow, deny, miss
}

// verdictsOf reads them.
func verdictsOf(p *accesslogdatav3.AccessLogCommon, details string) verdicts {
	tags := p.GetCustomTags()
	v := verdicts{
		details: details, metadata: p.GetMetadata().GetFilterMetadata(), custom: tags[tagCustom], cached: tags[tagCached],
		policySet: tags[tagPolicySet], limit: tags[tagLimit], filter: tags[tagFilterDecision],
	}
	if of := v.metadata[connectionRBAC]; v.custom == "" && of != nil {
		v.custom = lastAsked(of)
	}
	return v
}

// lastAsked is the rule by which a connection's last provider was asked: they
// are asked by their names, until one refuses.
func lastAsked(rbac *structpb.Struct) (rule string) {
	for _, key := range slices.Sorted(maps.Keys(rbac.GetFields())) {
		if strings.HasPrefix(key, providerFound) && strings.HasSuffix(key, dryRunRule) {
			rule = text(rbac, key)
		}
	}
	return rule
}

// rbac is what the proxy's own rules left of a request, or of a connection.
func (v verdicts) rbac() *structpb.Struct {
	if of := v.metadata[rbacNamespace]; of != nil {
		return of
	}
	return v.metadata[connectionRBAC]
}

// allowedBy is the ALLOW rule that held; "" or "none": none did.
func (v verdicts) allowedBy() string {
	return text(v.rbac(), allowedByKey) + text(v.metadata[connectionRBAC], allowedConnection)
}

// audit is the AUDIT rule that marked the request.
func (v verdicts) audit() string {
	return text(v.rbac(), auditKey) + text(v.metadata[connectionRBAC], auditConnection)
}

// decide finds the decision on a request: the refusal if there is one, else
// the last permission, policyd's before a native one since it has an id of
// its own. It says false where no rule decided.
func decide(v verdicts) (model.Decision, bool) {
	if d, ok := v.refusal(); ok {
		return d, true
	}
	if d, ok := v.daemon(); ok {
		return d, true
	}
	if v.cached == "allow" {
		return v.kept(true), true
	}
	if rule := v.allowedBy(); rule != "" {
		return v.native(rule, true), true
	}
	if own := v.lowered(false); len(own) > 0 && own[len(own)-1].verdict == model.VerdictAllow {
		return v.ofRego(own[len(own)-1]), true
	}
	return model.Decision{}, false
}

// refusal finds who refused, by the response's code details.
func (v verdicts) refusal() (model.Decision, bool) {
	switch {
	case strings.HasPrefix(v.filter, longList):
		return model.Decision{Policy: "AccessList " + strings.TrimPrefix(v.filter, longList), Rule: v.filter, Place: model.Wasm}, true
	case strings.HasPrefix(v.filter, ofFilter):
		return model.Decision{Policy: filterNamed(v.filter), Rule: v.filter, Place: model.Wasm, Reason: brokenFilter}, true
	case v.filter != "":
		return model.Decision{Policy: "Filter " + before(v.filter, "/"), Rule: v.filter, Place: model.Wasm}, true
	case v.details == brokenDetails:
		return model.Decision{Place: model.Wasm, Reason: brokenFilter}, true
	case v.details == limitDetails:
		return limited(v.limit), true
	case strings.HasPrefix(v.details, rbacDetails):
		rule := strings.TrimSuffix(strings.TrimPrefix(v.details, rbacDetails), "]")
		if rule == "none" {
			rule = model.ImplicitDeny
		}
		return v.native(rule, false), true
	case v.details == answeredDetails:
		return v.answered()
	case v.cached == "deny":
		return v.kept(false), true
	case v.custom != "" && (v.details == noAnswerDetails || v.details == deniedDetails):
		return v.provider(), true
	case v.details == noAnswerDetails:
		return model.Decision{Place: model.Daemon, PolicySet: v.policySet, Reason: noAnswer}, true
	case v.details == deniedDetails:
		if d, ok := v.daemon(); ok {
			return d, true
		}
		return model.Decision{Place: model.Daemon, PolicySet: v.policySet}, true
	}
	return model.Decision{}, false
}

// native is a verdict of the proxy's own RBAC.
func (v verdicts) native(rule string, allowed bool) model.Decision {
	return model.Decision{Policy: policyOf(rule), Rule: rule, Place: model.Native, PolicySet: v.policySet, Allowed: allowed}
}

// daemon reads what policyd answered.
func (v verdicts) daemon() (model.Decision, bool) {
	s := v.metadata[extAuthzNamespace].GetFields()[daemonKey].GetStructValue()
	if s == nil {
		return model.Decision{}, false
	}
	return v.ofDaemon(s), true
}

// limited is a refusal by the limit "namespace/object/limit".
func limited(limit string) model.Decision {
	d := model.Decision{Rule: limit, Limit: limit, Place: model.Native}
	if parts := strings.SplitN(limit, "/", 3); len(parts) == 3 {
		d.Policy = "RateLimit " + parts[0] + "/" + parts[1]
	}
	return d
}

// policyOf gives "Kind namespace/name" of "Kind/namespace/name/rule[i]", and
// "" for an implicit denial, which no single policy made.
func policyOf(rule string) string {
	parts := strings.Split(rule, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[0] + " " + parts[1] + "/" + parts[2]
}

// text is a struct's string field, or "".
func text(s *structpb.Struct, key string) string { return s.GetFields()[key].GetStringValue() }

// filterNamed is the filter that something is said of: with its kind, but where
// it is a Filter.
func filterNamed(said string) string {
	_, name, _ := strings.Cut(said, "/")
	if strings.Contains(name, " ") {
		return name
	}
	return "Filter " + name
}

func before(s, sep string) string {
	head, _, _ := strings.Cut(s, sep)
	return head
}
