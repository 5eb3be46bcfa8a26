package mesh

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Reads is what a policy ("Kind namespace/name") reads of a request.
func (v *View) Reads(policy string) (model.PolicyReads, bool) {
	r, ok := v.known().reads[policy]
	return r, ok
}

// AllowReads is what those read of which a request at a proxy has to find one
// that allows it.
func (v *View) AllowReads(proxy string) (out model.PolicyReads) {
	s := v.known()
	w, ok := s.byID[proxy]
	if !ok {
		return out
	}
	for _, key := range slices.Sorted(maps.Keys(s.reads)) {
		r := s.reads[key]
		if r.Of == nil || r.Of.Action != model.Allow || r.Of.DryRun || !r.Of.Selects(w) {
			continue
		}
		for _, read := range r.Reads {
			if !slices.ContainsFunc(out.Reads, func(known model.Read) bool { return known.Ref == read.Ref }) {
				out.Reads = append(out.Reads, read)
			}
		}
	}
	return out
}

// AttributeType is what a declared attribute of a proxy is.
func (v *View) AttributeType(name, proxy string) model.AttributeType {
	s := v.known()
	drawn, _, _ := model.AttributesOf(s.sets, s.byID[proxy])
	for _, a := range drawn {
		if a.Name == name {
			return a.Type
		}
	}
	return model.AttributeString
}

// DecisionLogs are the rules that send the decisions of a proxy to a backend,
// by their names. One of a proxy that is not known goes to those that select
// all.
func (v *View) DecisionLogs(backend, proxy string) []model.TelemetryRule {
	s := v.known()
	w := s.byID[proxy]
	var out []model.TelemetryRule
	for _, key := range slices.Sorted(maps.Keys(s.rules)) {
		r := s.rules[key]
		if r.Decisions != nil && r.Selector.Matches(w) && v.Sends(key, backend) {
			out = append(out, r)
		}
	}
	return out
}

// RedactedInputs are masks of what redacted attributes of a proxy are drawn
// from: their values must not leave it in another form.
func (v *View) RedactedInputs(proxy string) []model.DecisionMask {
	s := v.known()
	w, known := s.byID[proxy]
	var out []model.DecisionMask
	for _, set := range s.redacted {
		if known && !set.Selector.Matches(w) {
			continue
		}
		for _, a := range set.Attributes {
			if a.Redact {
				out = append(out, masksOf(a)...)
			}
		}
	}
	return out
}

// masksOf are those of one attribute.
func masksOf(a model.Attribute) []model.DecisionMask {
	const http = "/input/attributes/request/http/"
	paths := func(list ...string) (out []model.DecisionMask) {
		for _, p := range list {
			out = append(out, model.DecisionMask{Path: p})
		}
		return out
	}
	switch {
	case a.Header != "":
		return model.HeaderMask(strings.ToLower(a.Header))
	case a.Cookie != "":
		return model.HeaderMask("cookie")
	case a.Query != "":
		return append(paths(http+"path", http+"query", "/input/parsed_query"), model.HeaderMask(":path")...)
	case a.Path != "":
		return append(paths(http+"path", "/input/parsed_path"), model.HeaderMask(":path")...)
	case a.Body():
		return paths(http+"body", http+"rawBody", "/input/parsed_body")
	case len(a.Claim) > 0:
		return append(paths("/input/attributes/metadataContext"), model.HeaderMask("authorization")...)
	case a.CEL != "":
		return paths("/input") // which values it reads is not known here
	}
	return nil
}
