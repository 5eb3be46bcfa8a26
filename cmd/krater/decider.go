package main

import (
	"context"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// decider answers explain's questions by the evaluator that policyd runs.
type decider struct{ ctx context.Context }

var _ explain.Decider = decider{}

// Decide implements explain.Decider.
func (d decider) Decide(p model.RegoPolicy, w model.Workload, v explain.View) explain.Answer {
	r := rego.Request{
		Method: v.Method, Path: v.Path, Host: v.Authority, Scheme: v.Scheme,
		Source: rego.Endpoint{Address: v.Peer},
		Target: rego.Endpoint{Address: w.Address, Port: v.Port},
		Body:   []byte(v.Body),
	}
	if v.Principal != "" {
		r.Source.Principal = "spiffe://" + v.Principal
	}
	for name, values := range v.Headers {
		for _, value := range values {
			r.Headers = append(r.Headers, rego.Header{Name: name, Value: value})
		}
	}
	for name, a := range v.Attributes {
		if !a.Redact { // which stays in the proxy
			r.Declared = append(r.Declared, rego.Declared{Name: name, Type: string(a.Type), Value: a.Value})
		}
	}
	answer, err := rego.Evaluate(d.ctx, p, r)
	if err != nil {
		return explain.Answer{Allowed: p.Failure == model.FailOpen, Reason: err.Error()}
	}
	out := explain.Answer{Allowed: answer.Allowed, Remove: answer.RemoveHeaders}
	if !answer.Allowed {
		out.Status = uint32(answer.Status)
	}
	if answer.Failure != nil {
		out.Reason = answer.Failure.String()
	}
	for _, h := range answer.Headers {
		if out.Set == nil {
			out.Set = map[string][]string{}
		}
		out.Set[h.Name] = append(out.Set[h.Name], h.Value)
	}
	return out
}
