package main

import "github.com/krater-mesh/krater/filters/sdk"

// reads tells what it reads of headers, before and behind changes.
type reads struct{ sdk.Base }

func newReads(sdk.Host, []byte) (sdk.Filter, error) { return reads{}, nil }

var names = []string{":path", ":authority", "host", "Host", "x-twice", "X-Twice", "x-empty", "x-absent", "x-one", "cookie", "user-agent"}

func (reads) OnRequest(s sdk.Stream) sdk.Verdict {
	h, text := s.Request(), ""
	read := func(name string) {
		v, ok := h.Get(name)
		if !ok {
			v = "(none)"
		}
		text += name + "=" + v + ";"
	}
	for _, name := range names {
		read(name)
	}
	h.Set("X-One", "changed")
	read("x-one")
	h.Add("x-twice", "third")
	read("x-twice")
	h.Remove("x-empty")
	read("x-empty")
	h.Set("host", "other.test")
	read(":authority")
	read("x-absent")
	h.Set("x-read", text)
	return sdk.Continue
}

func (reads) OnResponse(s sdk.Stream) sdk.Verdict {
	h := s.Response()
	status, _ := h.Get(":status")
	server, _ := h.Get("server")
	h.Set("x-answer-read", status+" "+server)
	again, _ := h.Get("x-answer-read")
	h.Set("x-answer-again", again)
	return sdk.Continue
}
