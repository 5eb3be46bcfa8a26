package main

import (
	"strconv"

	"github.com/krater-mesh/krater/filters/sdk"
)

// fan makes as many calls at once as x-calls says, and goes on when all are
// answered; the first gRPC call it cancels.
type fan struct {
	sdk.Base
	answered sdk.Counter
}

func newFan(h sdk.Host, _ []byte) (sdk.Filter, error) {
	return &fan{answered: h.Counter("fan_answered")}, nil
}

func (f *fan) OnRequest(s sdk.Stream) sdk.Verdict {
	text, _ := s.Request().Get("x-calls")
	want, _ := strconv.Atoi(text)
	left, sum := want, 0
	cancel, err := s.GRPC(sdk.GRPCCall{Cluster: "grpc", Service: "test.Echo", Method: "Say"}, func(sdk.GRPCAnswer) {
		s.Log(sdk.Error, "a canceled call came back")
	})
	if err != nil {
		return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
	}
	cancel()
	cancel()
	for i := range want {
		err := s.HTTP(sdk.HTTPCall{Cluster: "http", Headers: [][2]string{{"x-text", strconv.Itoa(i)}}}, func(a sdk.HTTPAnswer) {
			f.answered.Add(1)
			echoed, _ := a.Headers.Get("x-echo")
			n, _ := strconv.Atoi(echoed)
			sum += n
			if left--; left == 0 {
				s.Request().Set("x-sum", strconv.Itoa(sum))
				s.ResumeRequest()
			}
		})
		if err != nil {
			return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
		}
	}
	return sdk.Pause
}
