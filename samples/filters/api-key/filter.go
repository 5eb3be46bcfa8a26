package main

import (
	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter lets in who has a key that a service knows, and remembers answers for
// a while. Without an answer nobody is let in.
type Filter struct {
	sdk.Base
	config Config
	host   sdk.Host
	known  map[string]answer
	hits   sdk.Counter
	asked  sdk.Counter
}

// answer is what the service said of a key.
type answer struct {
	user  string // "" and not good: refused
	good  bool
	until int64 // nanoseconds since 1970
}

// New reads the configuration.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{config: c, host: h, known: map[string]answer{},
		hits: h.Counter("api_key_hits"), asked: h.Counter("api_key_asked")}, nil
}

// OnRequest answers from memory, or asks and waits.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	key, ok := s.Request().Get(f.config.Header)
	if !ok || key == "" {
		return s.Reply(sdk.Reply{Status: 401, Body: "an API key is needed\n", Details: "api_key_missing"})
	}
	if a, ok := f.known[key]; ok && f.host.Clock() < a.until {
		f.hits.Add(1)
		return f.decide(s, a)
	}
	f.asked.Add(1)
	err := s.HTTP(sdk.HTTPCall{
		Cluster: f.config.Cluster, Path: f.config.Path, Timeout: f.config.Timeout,
		Headers: [][2]string{{f.config.Header, key}},
	}, func(got sdk.HTTPAnswer) { f.learn(s, key, got) })
	if err != nil {
		return unknown(s)
	}
	return sdk.Pause
}

// learn takes the service's answer.
func (f *Filter) learn(s sdk.Stream, key string, got sdk.HTTPAnswer) {
	a := answer{until: f.host.Clock() + int64(f.config.CacheFor)}
	switch got.Status {
	case 200:
		a.good = true
		a.user, _ = got.Headers.Get("x-api-user")
	case 401, 403:
	default:
		unknown(s)
		return
	}
	f.keep(key, a)
	if f.decide(s, a) == sdk.Continue {
		s.ResumeRequest()
	}
}

// keep makes room first: any answer may go, it is only asked for again.
func (f *Filter) keep(key string, a answer) {
	for other := range f.known {
		if len(f.known) < f.config.CacheSize {
			break
		}
		delete(f.known, other)
	}
	f.known[key] = a
}

func (f *Filter) decide(s sdk.Stream, a answer) sdk.Verdict {
	if !a.good {
		return s.Reply(sdk.Reply{Status: 403, Body: "this API key is not known\n", Details: "api_key_refused"})
	}
	s.Request().Set("x-api-user", a.user)
	s.Request().Remove(f.config.Header)
	return sdk.Continue
}

func unknown(s sdk.Stream) sdk.Verdict {
	return s.Reply(sdk.Reply{Status: 503, Body: "keys cannot be checked now\n", Details: "api_key_unchecked"})
}
