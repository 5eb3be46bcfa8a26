// Command guest is a test's filter on our SDK: what it does is named by the
// request's path.
package main

import (
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/log"
)

func init() {
	guest.Register(sdk.Root{New: newProbe})
}

func main() {}

// newProbe gives a probe, or what this module has no callbacks for.
func newProbe(h sdk.Host, config []byte) (sdk.Filter, error) {
	switch string(config) {
	case "body":
		return needsBody{}, nil
	case "tick":
		h.TickEvery(time.Second)
	case "call":
		_ = h.HTTP(sdk.HTTPCall{Cluster: "c"}, func(sdk.HTTPAnswer) {})
	}
	return &probe{}, nil
}

type needsBody struct{ sdk.Base }

func (needsBody) OnRequestBody(sdk.Stream, bool) sdk.Verdict { return sdk.Continue }

type probe struct{ sdk.Base }

func (*probe) OnRequest(s sdk.Stream) sdk.Verdict {
	switch path, _ := s.Request().Get(":path"); path {
	case "/early": // there is no answer yet
		s.Response().Set("x", "y")
	case "/call":
		if err := s.HTTP(sdk.HTTPCall{Cluster: "c"}, func(sdk.HTTPAnswer) {}); err != nil {
			return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
		}
	case "/reply":
		s.SetLocal("replied")
		return s.Reply(sdk.Reply{Status: 403, Headers: [][2]string{{"x-empty", ""}}, Details: "probe"})
	case "/all":
		for _, h := range s.Request().All() {
			s.SetProperty("seen."+h[0], h[1])
		}
	}
	return sdk.Continue
}

func (*probe) OnResponse(s sdk.Stream) sdk.Verdict {
	if _, ok := s.Request().Get(":path"); ok {
		s.Response().Set("x-request-readable", "yes")
	}
	if _, ok := s.Local().(string); ok {
		s.Response().Set("x-saw-own-reply", "yes")
	}
	return sdk.Continue
}

// OnLog and OnDone name in the log what they can still read.
func (*probe) OnLog(s sdk.Stream) {
	path, _ := s.Request().Get(":path")
	status, _ := s.Response().Get(":status")
	s.Log(sdk.Warn, "log "+path+" "+status)
}

func (*probe) OnDone(s sdk.Stream) {
	path, _ := s.Request().Get(":path")
	s.Log(sdk.Warn, "done"+path)
}
