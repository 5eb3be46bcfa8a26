package main

import (
	"strconv"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// tick calls another service once a period, with no request at all, and tells
// requests what it said last.
type tick struct {
	sdk.Base
	host  sdk.Host
	ticks int
	last  string
}

func newTick(h sdk.Host, _ []byte) (sdk.Filter, error) {
	h.TickEvery(30 * time.Millisecond)
	return &tick{host: h}, nil
}

func (f *tick) OnTick() {
	f.ticks++
	text := strconv.Itoa(f.ticks)
	if f.ticks > 3 {
		f.host.TickEvery(0)
	}
	if err := f.host.HTTP(sdk.HTTPCall{Cluster: "http", Headers: [][2]string{{"x-text", text}}}, func(a sdk.HTTPAnswer) {
		f.last, _ = a.Headers.Get("x-echo")
	}); err != nil {
		f.host.Log(sdk.Error, err.Error())
	}
	if _, err := f.host.GRPC(sdk.GRPCCall{Cluster: "grpc", Service: "test.Echo", Method: "Say", Message: stringValue(text)}, func(a sdk.GRPCAnswer) {
		f.host.Log(sdk.Warn, "grpc said "+readStringValue(a.Message))
	}); err != nil {
		f.host.Log(sdk.Error, err.Error())
	}
}

func (f *tick) OnRequest(s sdk.Stream) sdk.Verdict {
	s.Request().Set("x-last", f.last)
	return sdk.Continue
}
