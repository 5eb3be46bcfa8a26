package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// conn is one connection.
type conn struct {
	context
	downstream, upstream flow
	closed               bool
}

var (
	conns table[conn]
	_     sdk.Conn = (*conn)(nil)
)

func open(id uint32) *conn {
	c := conns.get(id)
	if c == nil {
		panic("the proxy calls a connection that it did not create")
	}
	return c
}

func newConn(id uint32, p *plugin) {
	conns.put(id, &conn{context: context{id: id, plugin: p}})
}

func deleteConn(id uint32) bool {
	c := conns.remove(id)
	if c == nil {
		return false
	}
	c.closed = true
	c.network.OnDone(c)
	c.end()
	return true
}

// NewConnection is a connection's beginning.
func NewConnection(id uint32) uint32 {
	defer trapped()
	c := open(id)
	outer, outerActive := enter(id)
	action := c.action(&c.downstream, c.network.OnConnection(c))
	leave(outer, outerActive)
	return action
}

// DownstreamData is what the client sent.
func DownstreamData(id, size, end uint32) uint32 {
	defer trapped()
	c := open(id)
	return c.part(&c.downstream, c.network.OnDownstreamData, int(size), end != 0)
}

// UpstreamData is what the upstream sent.
func UpstreamData(id, size, end uint32) uint32 {
	defer trapped()
	c := open(id)
	return c.part(&c.upstream, c.network.OnUpstreamData, int(size), end != 0)
}

func (c *conn) part(f *flow, ask func(sdk.Conn, bool) sdk.Verdict, size int, end bool) uint32 {
	outer, outerActive := enter(c.id)
	f.size = size
	action := c.action(f, ask(c, end))
	leave(outer, outerActive)
	return action
}

// Closed tells that a side went away.
func Closed(id uint32, side sdk.Peer) {
	defer trapped()
	c := conns.get(id)
	if c == nil {
		return
	}
	outer, outerActive := enter(id)
	c.network.OnClose(c, side)
	leave(outer, outerActive)
}

func (c *conn) action(f *flow, v sdk.Verdict) uint32 {
	resumed := f.resumed
	f.paused, f.resumed = false, false
	switch {
	case v == sdk.Continue && !c.closed:
		return abi.Continue
	case v == sdk.Pause && resumed:
		return abi.Continue
	case v == sdk.Stop:
		c.Close()
	}
	f.paused = true
	return abi.Pause
}
