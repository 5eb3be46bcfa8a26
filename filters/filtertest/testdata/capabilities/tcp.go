package main

import (
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// tcp lets nothing through before a line is whole, makes lines upper case, and
// closes for a line "quit". A line "ask" waits for another service.
type tcp struct {
	sdk.NetworkBase
	bytes sdk.Counter
	open  sdk.Gauge
}

func newTCP(h sdk.Host, _ []byte) (sdk.NetworkFilter, error) {
	return &tcp{bytes: h.Counter("tcp_bytes"), open: h.Gauge("tcp_open")}, nil
}

func (f *tcp) OnConnection(c sdk.Conn) sdk.Verdict {
	f.open.Add(1)
	c.SetProperty("tcp.seen", "yes")
	c.SetLocal("mine")
	return sdk.Continue
}

func (f *tcp) OnDownstreamData(c sdk.Conn, end bool) sdk.Verdict {
	data := string(c.Downstream().Read(0, c.Downstream().Len()))
	if !strings.HasSuffix(data, "\n") && !end {
		return sdk.Pause
	}
	f.bytes.Add(uint64(len(data)))
	if data == "quit\n" {
		return sdk.Stop
	}
	c.Downstream().Set([]byte(strings.ToUpper(data)))
	if data != "ask\n" {
		return sdk.Continue
	}
	if err := c.HTTP(sdk.HTTPCall{Cluster: "http", Headers: [][2]string{{"x-text", "tcp"}}}, func(a sdk.HTTPAnswer) {
		echoed, _ := a.Headers.Get("x-echo")
		c.Downstream().Append([]byte(echoed + "\n"))
		c.ResumeDownstream()
	}); err != nil {
		c.Log(sdk.Error, err.Error())
		return sdk.Stop
	}
	return sdk.Pause
}

func (f *tcp) OnUpstreamData(c sdk.Conn, _ bool) sdk.Verdict {
	if c.Upstream().Len() > 0 {
		c.Upstream().Prepend([]byte("> "))
	}
	return sdk.Continue
}

func (f *tcp) OnClose(c sdk.Conn, side sdk.Peer) {
	if side == sdk.Downstream {
		c.Log(sdk.Warn, "closed "+c.Local().(string))
	}
}

func (f *tcp) OnDone(sdk.Conn) { f.open.Add(-1) }
