// Package decisioncache is the filter that keeps decisions of an authorization
// behind it, and answers by them. It keeps what that authorization marked, for
// one version of its policies, under all that those read. It never decides.
package decisioncache

import (
	"time"

	"github.com/krater-mesh/krater/filters/decisioncache/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

const (
	// Decision is the property that holds the configuration's token where a kept
	// decision allows: filter state "wasm.krater.decision".
	Decision = "krater.decision"
	// Outcome is the property for logs: "allow", "deny" or "miss".
	Outcome = "krater.decision_cache"
	// details are the response code details of a refusal that was kept.
	details = "decisioncache_denied"
)

// Filter keeps the decisions of one configuration, in one worker.
type Filter struct {
	sdk.Base
	c      config.Config
	host   sdk.Host
	answer []string // the property where the authorization's word is
	prefix string   // of every key
	kept   cache
	key    []byte // of the request at hand
	counts counts
}

type counts struct{ allowed, denied, missed, stored, foreign, long sdk.Counter }

var _ sdk.Filter = (*Filter)(nil)

// New reads a configuration: config.Config's JSON.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	count := func(name string) sdk.Counter { return h.Counter("decisioncache." + name) }
	return &Filter{
		c: c, host: h, answer: []string{"metadata", "filter_metadata", c.Answer.Namespace, c.Answer.Field},
		prefix: c.PolicySet + " " + c.KeyID + " ",
		kept:   newCache(c.MaxEntries, c.MaxBytes, count("evicted")),
		counts: counts{count("allowed"), count("denied"), count("missed"), count("stored"), count("foreign"), count("key_too_long")},
	}, nil
}

// pending is a request whose decision may be kept.
type pending struct {
	key   string
	grpc  bool
	deny  *denial // nil: it is allowed
	asked int64   // nanoseconds since 1970: the authorization was asked later
	ttl   time.Duration
}

// OnRequest implements sdk.Filter.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	if !f.buildKey(s) {
		f.counts.long.Add(1)
		s.SetProperty(Outcome, "miss")
		return sdk.Continue
	}
	now := f.host.Clock()
	e := f.kept.find(f.key, now)
	switch {
	case e == nil:
		f.counts.missed.Add(1)
		s.SetProperty(Outcome, "miss")
		s.SetLocal(&pending{key: string(f.key), grpc: isGRPC(s.Request()), asked: now})
		return sdk.Continue
	case e.deny == nil:
		f.counts.allowed.Add(1)
		s.SetProperty(Decision, f.c.Token)
		s.SetProperty(Outcome, "allow")
		return sdk.Continue
	}
	f.counts.denied.Add(1)
	s.SetProperty(Outcome, "deny")
	return s.Reply(sdk.Reply{Status: e.deny.status, Headers: e.deny.headers, Body: e.deny.body, Details: details})
}

// buildKey writes the version of the policies and each input with its length,
// so that no two requests with other inputs have one key.
func (f *Filter) buildKey(s sdk.Stream) bool {
	f.key = append(f.key[:0], f.prefix...)
	for i := range f.c.Inputs {
		in := &f.c.Inputs[i]
		value, ok := "", false
		if in.Header != "" {
			value, ok = s.Request().Get(in.Header)
		} else {
			value, ok = s.Property(in.Property...)
		}
		if !ok {
			f.key = append(f.key, '-')
			continue
		}
		n := len(value)
		f.key = append(f.key, '+', byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		f.key = append(f.key, value...)
		if len(f.key) > f.c.MaxKey {
			return false
		}
	}
	return true
}

func isGRPC(h sdk.Headers) bool {
	kind, _ := h.Get("content-type")
	return len(kind) >= 16 && kind[:16] == "application/grpc"
}

// OnResponse implements sdk.Filter: by now the authorization has spoken.
func (f *Filter) OnResponse(s sdk.Stream) sdk.Verdict {
	p, ok := s.Local().(*pending)
	if !ok {
		return sdk.Continue
	}
	s.SetLocal(nil)
	text, ok := s.Property(f.answer...)
	if !ok || text == "" {
		return sdk.Continue
	}
	m, ok := f.read(text)
	switch {
	case !ok:
		f.counts.foreign.Add(1)
	case m.allow && f.c.AllowMillis > 0:
		p.ttl = min(m.ttl, time.Duration(f.c.AllowMillis)*time.Millisecond)
		f.store(p)
	case !m.allow && f.c.DenyMillis > 0 && !p.grpc: // whose refusals are another answer
		p.ttl = min(m.ttl, time.Duration(f.c.DenyMillis)*time.Millisecond)
		if p.deny = f.denialOf(s.Response(), m.body); p.deny != nil {
			f.store(p)
		}
	}
	return sdk.Continue
}

// store keeps a decision for its time, counted from before it was made: the
// answer may have come much later.
func (f *Filter) store(p *pending) {
	until := p.asked + int64(p.ttl)
	if p.ttl <= 0 || f.host.Clock() >= until {
		return
	}
	f.kept.add(p.key, entry{deny: p.deny, since: p.asked, until: until})
	f.counts.stored.Add(1)
}
