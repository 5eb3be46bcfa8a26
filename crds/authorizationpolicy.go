package crds

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// dryRun is Istio's annotation: the policy only records what it would do.
const dryRun = "istio.io/dry-run"

var authorizationPolicyTranslated = []string{
	"selector", "action", "rules[].from[].source.ipBlocks", "rules[].from[].source.notIpBlocks",
	"rules[].from[].source.remoteIpBlocks", "rules[].from[].source.notRemoteIpBlocks",
	"rules[].from[].source.principals", "rules[].from[].source.notPrincipals",
	"rules[].from[].source.namespaces", "rules[].from[].source.notNamespaces",
	"rules[].from[].source.serviceAccounts", "rules[].from[].source.notServiceAccounts",
	"rules[].from[].source.trustDomains", "rules[].from[].source.notTrustDomains",
	"rules[].to[].operation", "rules[].when",
}

func convertAuthorizationPolicy(c *conversion) Content {
	in := &security.AuthorizationPolicy{}
	if !c.read(in) {
		return Content{}
	}
	if c.object.Annotation(dryRun) == "true" {
		c.refuse(`metadata.annotations["`+dryRun+`"]`, "a dry run is not translated yet")
	}
	out := &model.AuthorizationPolicy{Object: c.object.Ref, Action: model.Allow,
		Selector: c.selector(in.GetSelector().GetMatchLabels(), "spec.selector.matchLabels")}
	switch in.GetAction() {
	case security.AuthorizationPolicy_DENY:
		out.Action = model.Deny
	case security.AuthorizationPolicy_AUDIT, security.AuthorizationPolicy_CUSTOM:
		c.refuse("spec.action", "only ALLOW and DENY are translated yet, not %s", in.GetAction())
	}
	for i, r := range in.GetRules() {
		out.Rules = append(out.Rules, c.authorizationRule(r, index("spec.rules", i)))
	}
	if out.Action == model.Deny && len(out.Rules) == 0 && !c.problems.HasErrors() {
		c.add(model.Warning, model.CodeMissing, "spec.rules", "to deny everything: rules: [{}]", "a DENY policy without rules denies nothing")
	}
	return Content{Authorization: out}
}

func (c *conversion) authorizationRule(r *security.Rule, field string) model.AuthorizationRule {
	var out model.AuthorizationRule
	for i, f := range r.GetFrom() {
		at := index(field+".from", i) + ".source"
		src := c.source(f.GetSource(), at)
		if reflect.ValueOf(src).IsZero() && !c.reported(at) {
			c.missing(at, "a source says who calls")
		}
		out.From = append(out.From, src)
	}
	for i, t := range r.GetTo() {
		out.To = append(out.To, c.operation(t.GetOperation(), index(field+".to", i)+".operation"))
	}
	for i, w := range r.GetWhen() {
		out.When = append(out.When, c.condition(w, index(field+".when", i)))
	}
	return out
}

func (c *conversion) cidrs(in []string, field string) []string {
	var out []string
	for i, text := range in {
		out = append(out, c.cidr(text, index(field, i)))
	}
	return out
}

func (c *conversion) operation(o *security.Operation, field string) model.Operation {
	out := model.Operation{
		Methods:    c.patterns(o.GetMethods(), field+".methods"),
		NotMethods: c.patterns(o.GetNotMethods(), field+".notMethods"),
		Paths:      c.paths(o.GetPaths(), field+".paths"),
		NotPaths:   c.paths(o.GetNotPaths(), field+".notPaths"),
		Hosts:      c.patterns(o.GetHosts(), field+".hosts"),
		NotHosts:   c.patterns(o.GetNotHosts(), field+".notHosts"),
		Ports:      c.ports(o.GetPorts(), field+".ports"),
		NotPorts:   c.ports(o.GetNotPorts(), field+".notPorts"),
	}
	if len(out.Methods)+len(out.NotMethods)+len(out.Paths)+len(out.NotPaths)+len(out.Hosts)+len(out.NotHosts)+
		len(out.Ports)+len(out.NotPorts) == 0 && !c.reported(field) {
		c.missing(field, "an operation says what is called")
	}
	for _, list := range []*[]model.StringMatch{&out.Hosts, &out.NotHosts} {
		for i := range *list {
			(*list)[i].IgnoreCase = true
		}
	}
	return out
}

// pattern reads Istio's form: "text", "prefix*", "*suffix", and "*" for
// anything that is there.
func pattern(text string) model.StringMatch {
	switch {
	case text == "*":
		return model.StringMatch{Kind: model.Present}
	case strings.HasSuffix(text, "*"):
		return model.StringMatch{Kind: model.Prefix, Value: strings.TrimSuffix(text, "*")}
	case strings.HasPrefix(text, "*"):
		return model.StringMatch{Kind: model.Suffix, Value: strings.TrimPrefix(text, "*")}
	}
	return model.StringMatch{Kind: model.Exact, Value: text}
}

func (c *conversion) patterns(in []string, field string) []model.StringMatch {
	var out []model.StringMatch
	for i, text := range in {
		m := pattern(text)
		if text == "" {
			c.bad(index(field, i), "it is empty")
		}
		if strings.Contains(m.Value, "*") {
			c.add(model.Warning, model.CodeInvalidValue, index(field, i), "",
				"a star is a wildcard only at the beginning or at the end, not at both: here it means itself")
		}
		out = append(out, m)
	}
	return out
}

func (c *conversion) paths(in []string, field string) []model.StringMatch {
	for i, text := range in {
		if strings.Contains(text, "{*}") || strings.Contains(text, "{**}") {
			c.refuse(index(field, i), "path templates are not translated yet")
		}
	}
	return c.patterns(in, field)
}

func (c *conversion) ports(in []string, field string) []uint32 {
	var out []uint32
	for i, text := range in {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n == 0 || n > 65535 {
			c.bad(index(field, i), "a port is from 1 to 65535, got %q", text)
		}
		out = append(out, uint32(n))
	}
	return out
}

// conditionKeys are those of Istio that are not translated yet.
var conditionKeys = []string{"source.ip", "remote.ip", "request.auth.principal", "request.auth.audiences", "request.auth.presenter",
	"destination.ip", "destination.port", "connection.sni"}

func (c *conversion) condition(w *security.Condition, field string) model.Condition {
	if len(w.GetValues())+len(w.GetNotValues()) == 0 {
		c.missing(field, "a condition has values or notValues")
	}
	if src, ok := c.sourceCondition(w, field); ok {
		return model.Condition{Source: src}
	}
	header, isHeader := strings.CutPrefix(w.GetKey(), "request.headers[")
	header, closed := strings.CutSuffix(header, "]")
	out := model.Condition{Header: strings.ToLower(header),
		Values: c.patterns(w.GetValues(), field+".values"), NotValues: c.patterns(w.GetNotValues(), field+".notValues")}
	if name, ok := declaredName(w.GetKey()); ok {
		out.Header, out.Attribute = "", name
		return out
	}
	switch {
	case isHeader && out.Header == peerHeader, toldOnly(w.GetKey()):
		c.unverified(field+".key", w.GetKey())
	case isHeader && closed && headerName(out.Header):
	case slices.Contains(conditionKeys, w.GetKey()), strings.HasPrefix(w.GetKey(), "request.auth.claims["),
		strings.HasPrefix(w.GetKey(), "experimental.envoy."):
		c.refuse(field+".key", "conditions on %s are not translated yet", w.GetKey())
	default:
		c.add(model.Error, model.CodeInvalidValue, field+".key", "for a header: request.headers[name]; for a declared attribute: attribute.NAME", "unknown key %q", w.GetKey())
	}
	return out
}
