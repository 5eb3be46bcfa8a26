package main

import "github.com/krater-mesh/krater/filters/sdk"

// route sends a request elsewhere by what another service says: at once, or in
// the callback of a call, where the proxy's context is another.
type route struct{ sdk.Base }

func newRoute(sdk.Host, []byte) (sdk.Filter, error) { return route{}, nil }

func (route) OnRequest(s sdk.Stream) sdk.Verdict {
	to, _ := s.Request().Get("x-to")
	s.SetProperty("to", to)
	if _, late := s.Request().Get("x-late"); !late {
		s.ClearRouteCache()
		return sdk.Continue
	}
	if err := s.HTTP(sdk.HTTPCall{Cluster: "http"}, func(sdk.HTTPAnswer) {
		s.ClearRouteCache()
		s.ResumeRequest()
	}); err != nil {
		return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
	}
	return sdk.Pause
}

// answer asks another service about the upstream's answer.
type answer struct{ sdk.Base }

func newAnswer(sdk.Host, []byte) (sdk.Filter, error) { return answer{}, nil }

func (answer) OnResponse(s sdk.Stream) sdk.Verdict {
	status, _ := s.Response().Get(":status")
	if err := s.HTTP(sdk.HTTPCall{Cluster: "http", Headers: [][2]string{{"x-text", status}}}, func(a sdk.HTTPAnswer) {
		echoed, _ := a.Headers.Get("x-echo")
		if echoed == "404" {
			s.Reply(sdk.Reply{Status: 410, Body: "gone"})
			return
		}
		s.Response().Set("x-checked", echoed)
		s.ResumeResponse()
	}); err != nil {
		return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
	}
	return sdk.Pause
}

// late makes mistakes in a callback.
type late struct{ sdk.Base }

func newLate(sdk.Host, []byte) (sdk.Filter, error) { return late{}, nil }

func (late) OnRequest(s sdk.Stream) sdk.Verdict {
	mistake, _ := s.Request().Get("x-mistake")
	if mistake == "stop" {
		return sdk.Stop // without a reply
	}
	if mistake == "cluster" {
		err := s.HTTP(sdk.HTTPCall{Cluster: "nowhere"}, func(sdk.HTTPAnswer) {})
		_, grpcErr := s.GRPC(sdk.GRPCCall{Cluster: "nowhere", Service: "a", Method: "b"}, func(sdk.GRPCAnswer) {
			s.Log(sdk.Error, "a call that failed came back")
		})
		_, emptyErr := s.GRPC(sdk.GRPCCall{Service: "a", Method: "b"}, func(sdk.GRPCAnswer) {})
		if err == nil || grpcErr == nil || emptyErr == nil {
			return s.Reply(sdk.Reply{Status: 200, Body: "called nowhere"})
		}
		return s.Reply(sdk.Reply{Status: 502, Body: err.Error() + "; " + grpcErr.Error()})
	}
	if err := s.HTTP(sdk.HTTPCall{Cluster: "http"}, func(a sdk.HTTPAnswer) {
		switch mistake {
		case "refused": // there is no answer yet
			s.Response().Set("x", "y")
		case "twice":
			s.Reply(sdk.Reply{Status: 401, Body: "first"})
			s.Reply(sdk.Reply{Status: 402, Body: "second"})
		case "trap":
			panic("on purpose")
		}
		s.ResumeRequest()
		s.ResumeRequest()
	}); err != nil {
		return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
	}
	return sdk.Pause
}
