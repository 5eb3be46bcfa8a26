package main

import (
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// bodies waits for whole bodies and changes them, and sees trailers.
type bodies struct{ sdk.Base }

func newBodies(sdk.Host, []byte) (sdk.Filter, error) { return bodies{}, nil }

func (bodies) OnRequest(s sdk.Stream) sdk.Verdict {
	s.Request().Remove("content-length")
	return sdk.Continue
}

func (bodies) OnRequestBody(s sdk.Stream, end bool) sdk.Verdict {
	if !end {
		return sdk.Pause
	}
	b := s.RequestBody()
	if whole := string(b.Read(0, b.Len())); strings.Contains(whole, "secret") {
		return s.Reply(sdk.Reply{Status: 403, Body: "no secrets"})
	}
	b.Prepend([]byte("<" + strconv.Itoa(b.Len()) + ":"))
	b.Append([]byte(">"))
	return sdk.Continue
}

func (bodies) OnResponse(s sdk.Stream) sdk.Verdict {
	s.Response().Remove("content-length")
	return sdk.Continue
}

func (bodies) OnResponseBody(s sdk.Stream, end bool) sdk.Verdict {
	if !end {
		return sdk.Pause
	}
	b := s.ResponseBody()
	middle := string(b.Read(1, 3))
	b.Set([]byte(strings.ToUpper(string(b.Read(0, b.Len()))) + " " + middle))
	return sdk.Continue
}

func (bodies) OnRequestTrailers(s sdk.Stream) sdk.Verdict {
	v, _ := s.RequestTrailers().Get("x-end")
	s.RequestTrailers().Add("x-saw", v)
	return sdk.Continue
}

func (bodies) OnResponseTrailers(s sdk.Stream) sdk.Verdict {
	s.ResponseTrailers().Set("x-saw", strconv.Itoa(len(s.ResponseTrailers().All())))
	return sdk.Continue
}

// chunks changes each part as it passes, without holding any.
type chunks struct{ sdk.Base }

func newChunks(sdk.Host, []byte) (sdk.Filter, error) { return chunks{}, nil }

func (chunks) OnRequest(s sdk.Stream) sdk.Verdict {
	s.Request().Remove("content-length")
	return sdk.Continue
}

func (chunks) OnRequestBody(s sdk.Stream, end bool) sdk.Verdict {
	if s.RequestBody().Len() > 0 {
		s.RequestBody().Append([]byte("|"))
	}
	if end {
		s.RequestBody().Append([]byte("end"))
	}
	return sdk.Continue
}
