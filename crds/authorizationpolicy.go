package crds

import (
	"reflect"
	"strconv"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

const (
	// dryRun is Istio's annotation: the policy only records what it would do.
	dryRun = "istio.io/dry-run"
	// afterAuthn has a CUSTOM policy's provider asked once the token is verified.
	afterAuthn = "krater.dev/after-authn"
)

var authorizationPolicyTranslated = []string{
	"selector", "targetRefs", "action", "provider.name", "rules[].from[].source", "rules[].to[].operation", "rules[].when",
}

var authorizationActions = map[security.AuthorizationPolicy_Action]model.Action{
	security.AuthorizationPolicy_ALLOW: model.Allow, security.AuthorizationPolicy_DENY: model.Deny,
	security.AuthorizationPolicy_AUDIT: model.Audit, security.AuthorizationPolicy_CUSTOM: model.Custom,
}

func convertAuthorizationPolicy(c *conversion) Content {
	in := &security.AuthorizationPolicy{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.AuthorizationPolicy{Object: c.object.Ref, Action: authorizationActions[in.GetAction()],
		DryRun: c.flag(dryRun), AfterAuthn: c.flag(afterAuthn), Provider: in.GetProvider().GetName()}
	c.attachPolicy(out, in.GetSelector(), in.GetTargetRefs())
	for i, r := range in.GetRules() {
		out.Rules = append(out.Rules, c.authorizationRule(r, index("spec.rules", i)))
	}
	c.authorizationAction(out)
	return Content{Authorization: out}
}

// authorizationAction reports what does not go with a policy's action.
func (c *conversion) authorizationAction(p *model.AuthorizationPolicy) {
	custom := p.Action == model.Custom
	switch {
	case custom && p.Provider == "":
		c.missing("spec.provider.name", "CUSTOM asks one of spec.meshConfig.extensionProviders of the Mesh")
	case !custom && p.Provider != "":
		c.add(model.Error, model.CodeInvalidValue, "spec.provider", "write action: CUSTOM, or leave it out", "an %s policy asks no provider", p.Action)
	}
	if p.AfterAuthn && !custom {
		c.add(model.Warning, model.CodeInvalidValue, annotationField(afterAuthn), "leave it out", "an %s policy is behind authentication anyway", p.Action)
	}
	if len(p.Rules) == 0 && p.Action != model.Allow && !c.problems.HasErrors() {
		does := map[model.Action]string{model.Deny: "denies nothing", model.Audit: "marks nothing", model.Custom: "never asks its provider"}
		c.add(model.Warning, model.CodeMissing, "spec.rules", "for every request: rules: [{}]", "the %s policy has no rules, and %s", p.Action, does[p.Action])
	}
}

func annotationField(name string) string { return `metadata.annotations["` + name + `"]` }

// flag reads an annotation that is "true" or "false"; as in Istio, what is
// neither is no.
func (c *conversion) flag(name string) bool {
	text := c.object.Annotation(name)
	if text == "" {
		return false
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		c.add(model.Warning, model.CodeInvalidValue, annotationField(name), `write "true" or "false"`, "%q is neither true nor false, and taken for false", text)
	}
	return on
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
		out = append(out, c.pattern(text, index(field, i)))
	}
	return out
}

func (c *conversion) pattern(text, field string) model.StringMatch {
	m := pattern(text)
	if text == "" {
		c.bad(field, "it is empty")
	}
	if strings.Contains(m.Value, "*") {
		c.add(model.Warning, model.CodeInvalidValue, field, "",
			"a star is a wildcard only at the beginning or at the end, not at both: here it means itself")
	}
	return m
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
