package main

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/policytest"
	"github.com/krater-mesh/krater/policyd/rego"
)

// lowering makes tests hold cases against the rules of proxies, too.
func lowering(o *policytest.Options) {
	o.Lower = func(p model.RegoPolicy) *model.Lowered { return lower.Policy(p, nil) }
	o.Decide = func(l *model.Lowered, r rego.Request, claims map[string]any) policytest.Native {
		rule := explain.Decide(l, facts(r, claims))
		if rule == nil {
			return policytest.Native{Verdict: model.VerdictAsk}
		}
		out := policytest.Native{Verdict: rule.Verdict, Rule: rule.Rule}
		if rule.Answer > 0 && rule.Answer <= len(l.Answers) {
			out.Answer = l.Answers[rule.Answer-1]
		}
		return out
	}
}

// facts is a case's request as a proxy knows it.
func facts(r rego.Request, claims map[string]any) explain.RequestFacts {
	check := r.CheckRequest(0).GetAttributes().GetRequest().GetHttp()
	v := explain.View{
		Method: check.GetMethod(), Scheme: check.GetScheme(), Authority: r.Host, Path: cmp.Or(r.Path, "/"),
		Peer: r.Source.Address, Port: r.Target.Port, Headers: explain.Headers{},
	}
	for _, h := range r.Headers {
		name := strings.ToLower(h.Name)
		v.Headers[name] = append(v.Headers[name], h.Value)
	}
	out := explain.RequestFacts{
		View: v, Principal: r.Source.Principal, Protocol: check.GetProtocol(), SourcePort: r.Source.Port,
		Target: r.Target.Address, Claims: claims, Attributes: map[string]any{},
	}
	for _, a := range r.Declared {
		out.Attributes[a.Name] = attributeFact(a)
	}
	return out
}

func attributeFact(a rego.Declared) any {
	switch model.AttributeType(a.Type) {
	case model.AttributeInt, model.AttributeDouble:
		return json.Number(a.Value)
	case model.AttributeBool:
		return a.Value == "true"
	case model.AttributeList:
		var out []any
		for part := range strings.SplitSeq(a.Value, ",") {
			out = append(out, part)
		}
		return out
	}
	return a.Value
}
