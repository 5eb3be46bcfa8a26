package main

import (
	"context"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// decider answers explain's questions by the evaluator that policyd runs.
type decider struct {
	ctx   context.Context
	trace bool // tell how each policy came to its answer
}

var _ explain.Decider = decider{}

// Decide implements explain.Decider.
func (d decider) Decide(p model.RegoPolicy, w model.Workload, v explain.View) explain.Answer {
	r := rego.Request{
		Method: v.Method, Path: v.Path, Host: v.Authority, Scheme: v.Scheme,
		Source: rego.Endpoint{Address: v.Peer},
		Target: rego.Endpoint{Address: w.Address, Port: v.Port},
		Body:   []byte(v.Body),
		SNI:    v.ServerName,
		Claims: v.Claims,
	}
	if v.Principal != "" {
		r.Source.Principal = "spiffe://" + v.Principal
	}
	for name, values := range v.Headers {
		for _, value := range values {
			r.Headers = append(r.Headers, rego.Header{Name: name, Value: value})
		}
	}
	secret := false
	for name, a := range v.Attributes {
		if a.Redact { // which stays in the proxy
			secret = true
			continue
		}
		r.Declared = append(r.Declared, rego.Declared{Name: name, Type: string(a.Type), Value: a.Value})
	}
	answer, trace, err := d.evaluate(p, r, secret)
	if err != nil {
		return explain.Answer{Allowed: p.Failure == model.FailOpen, Reason: err.Error()}
	}
	out := explain.Answer{Allowed: answer.Allowed, Remove: answer.RemoveHeaders, Trace: trace}
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

// evaluate traces, where that is wanted. A request with a redacted attribute
// has its value elsewhere, too, in whatever form: then no values are told.
func (d decider) evaluate(p model.RegoPolicy, r rego.Request, secret bool) (rego.Answer, []string, error) {
	if !d.trace {
		answer, err := rego.Evaluate(d.ctx, p, r)
		return answer, nil, err
	}
	answer, trace, err := rego.Trace(d.ctx, p, r, !secret)
	if secret && err == nil {
		trace = append([]string{"(without values: the request has a redacted attribute)"}, trace...)
	}
	return answer, trace, err
}
