package main

import (
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter tells programs from browsers by the headers they send, and in which
// order. It is a hint, not a proof: who wants to can send what a browser does.
type Filter struct {
	sdk.Base
	config Config
	scores sdk.Histogram
}

// New reads the configuration.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{config: c, scores: h.Histogram("bot_score")}, nil
}

// OnRequest scores a request, and tells its upstream.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	h := s.Request()
	print := fingerprint(h.All())
	score := f.score(print, h)
	f.scores.Record(uint64(score))
	if f.config.RefuseAt > 0 && score >= f.config.RefuseAt {
		return s.Reply(sdk.Reply{Status: 403, Body: "this looks like a program\n", Details: "bot_score_" + strconv.Itoa(score)})
	}
	h.Set("x-bot-score", strconv.Itoa(score))
	h.Set("x-bot-fingerprint", print)
	return sdk.Continue
}

// score adds up what speaks against a browser.
func (f *Filter) score(print string, h sdk.Headers) int {
	score := f.config.Known[print]
	for _, name := range []string{"user-agent", "accept", "accept-language", "accept-encoding"} {
		if _, ok := h.Get(name); !ok {
			score += 10 // browsers send all of them
		}
	}
	agent, _ := h.Get("user-agent")
	agent = strings.ToLower(agent)
	for _, part := range f.config.Agents {
		if strings.Contains(agent, part) {
			score += 30
		}
	}
	return max(score, 0)
}

// fingerprint is the hash (FNV-1a) of the names of headers in their order,
// without those that proxies add and those that change with each request.
func fingerprint(headers [][2]string) string {
	hash := uint32(2166136261)
	for _, h := range headers {
		name := h[0]
		switch {
		case strings.HasPrefix(name, ":"), strings.HasPrefix(name, "x-"), name == "cookie", name == "referer",
			name == "content-length", name == "if-none-match", name == "if-modified-since":
			continue
		}
		for i := 0; i <= len(name); i++ {
			b := byte(',')
			if i < len(name) {
				b = name[i]
			}
			hash = (hash ^ uint32(b)) * 16777619
		}
	}
	return strconv.FormatUint(uint64(hash), 16)
}
