package main

import (
	"strconv"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// chain asks a gRPC service, in its callback an HTTP service, and in that one's
// callback the gRPC service again. Each is told what the one before answered.
type chain struct {
	sdk.Base
	open sdk.Gauge
}

func newChain(h sdk.Host, _ []byte) (sdk.Filter, error) {
	return &chain{open: h.Gauge("chain_open")}, nil
}

func (f *chain) OnRequest(s sdk.Stream) sdk.Verdict {
	f.open.Add(1)
	id, _ := s.Request().Get("x-id")
	err := ask(s, id, func(first string) {
		err := fetch(s, first, func(second string) {
			if err := ask(s, second, func(third string) {
				s.Request().Set("x-answers", third)
				s.ResumeRequest()
			}); err != nil {
				s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
			}
		})
		if err != nil {
			s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
		}
	})
	if err != nil {
		return s.Reply(sdk.Reply{Status: 503, Body: err.Error()})
	}
	return sdk.Pause
}

func (f *chain) OnDone(sdk.Stream) { f.open.Add(-1) }

func ask(s sdk.Stream, text string, then func(string)) error {
	_, err := s.GRPC(sdk.GRPCCall{
		Cluster: "grpc", Service: "test.Echo", Method: "Say",
		Metadata: [][2]string{{"x-text", text}}, Message: stringValue(text), Timeout: 2 * time.Second,
	}, func(a sdk.GRPCAnswer) {
		if a.Status != 0 {
			s.Reply(sdk.Reply{Status: 502, Body: "grpc " + strconv.Itoa(a.Status) + " " + a.Text})
			return
		}
		then(text + ">" + readStringValue(a.Message))
	})
	return err
}

func fetch(s sdk.Stream, text string, then func(string)) error {
	return s.HTTP(sdk.HTTPCall{
		Cluster: "http", Method: "POST", Path: "/fetch", Headers: [][2]string{{"x-text", text}},
		Body: []byte(text), Timeout: 2 * time.Second,
	}, func(a sdk.HTTPAnswer) {
		echoed, _ := a.Headers.Get("x-echo")
		body := string(a.Body.Read(0, a.Body.Len()))
		if a.Status != 200 || echoed != text {
			s.Reply(sdk.Reply{Status: 502, Body: "http " + strconv.Itoa(a.Status) + " " + body})
			return
		}
		then(text + ">" + body)
	})
}

// stringValue encodes a google.protobuf.StringValue.
func stringValue(text string) []byte {
	b := []byte{1<<3 | 2}
	n := len(text)
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), text...)
}

func readStringValue(b []byte) string {
	i := 1
	for i < len(b) && b[i] >= 0x80 {
		i++
	}
	if i+1 > len(b) {
		return ""
	}
	return string(b[i+1:])
}
