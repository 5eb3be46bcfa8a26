package fuzzlower

import (
	"maps"
	"slices"
)

// Smaller gives copies of a policy, each with one thing less, the larger
// things first. Not all of them compile.
func (p Policy) Smaller() []Policy {
	var out []Policy
	with := func(change func(*Policy)) {
		less := p
		less.Rules, less.Imports = slices.Clone(p.Rules), slices.Clone(p.Imports)
		change(&less)
		out = append(out, less)
	}
	for i := range p.Rules {
		with(func(l *Policy) { l.Rules = slices.Delete(l.Rules, i, i+1) })
	}
	for i, r := range p.Rules {
		for j := range r.Else {
			with(func(l *Policy) { l.Rules[i].Else = slices.Delete(slices.Clone(r.Else), j, j+1) })
		}
		for j := range r.Body {
			with(func(l *Policy) { l.Rules[i].Body = slices.Delete(slices.Clone(r.Body), j, j+1) })
		}
		for j, e := range r.Else {
			for k := range e.Body {
				with(func(l *Policy) {
					l.Rules[i].Else = slices.Clone(r.Else)
					l.Rules[i].Else[j].Body = slices.Delete(slices.Clone(e.Body), k, k+1)
				})
			}
		}
	}
	for i := range p.Imports {
		with(func(l *Policy) { l.Imports = slices.Delete(l.Imports, i, i+1) })
	}
	for _, key := range slices.Sorted(maps.Keys(p.Data)) {
		with(func(l *Policy) { l.Data = maps.Clone(p.Data); delete(l.Data, key) })
		list, ok := p.Data[key].([]any)
		for i := range list {
			if ok {
				with(func(l *Policy) {
					l.Data = maps.Clone(p.Data)
					l.Data[key] = slices.Delete(slices.Clone(list), i, i+1)
				})
			}
		}
	}
	return out
}

// Smaller gives copies of a request with less in them.
func (r Request) Smaller() []Request {
	var out []Request
	with := func(change func(*Request)) {
		less := r
		less.Headers, less.Trailers, less.Claims = slices.Clone(r.Headers), slices.Clone(r.Trailers), maps.Clone(r.Claims)
		change(&less)
		out = append(out, less)
	}
	for i := range r.Headers {
		with(func(l *Request) { l.Headers = slices.Delete(l.Headers, i, i+1) })
		if n := len(r.Headers[i][1]); n > 60 {
			with(func(l *Request) { l.Headers[i][1] = r.Headers[i][1][:n/2] })
		}
	}
	if len(r.Trailers) > 0 {
		with(func(l *Request) { l.Trailers = nil })
	}
	if r.Claims != nil {
		with(func(l *Request) { l.Claims = nil })
	}
	for key := range r.Claims {
		if key != "iss" {
			with(func(l *Request) { delete(l.Claims, key) })
		}
	}
	for _, simple := range []struct {
		differs bool
		change  func(*Request)
	}{
		{r.Body != "", func(l *Request) { l.Body = "" }},
		{r.Principal != "", func(l *Request) { l.Principal, l.SNI = "", "" }},
		{r.SNI != "", func(l *Request) { l.SNI = "" }},
		{r.H2, func(l *Request) { l.H2 = false }},
		{r.Method != "GET", func(l *Request) { l.Method = "GET" }},
		{r.Target != "/", func(l *Request) { l.Target = "/" }},
		{r.Host != "a", func(l *Request) { l.Host = "a" }},
		{r.Peer != "127.0.0.1", func(l *Request) { l.Peer = "127.0.0.1" }},
	} {
		if simple.differs {
			with(simple.change)
		}
	}
	return out
}
