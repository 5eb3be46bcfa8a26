package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

type (
	downstreamData conn
	upstreamData   conn
)

var (
	_ sdk.Body = (*downstreamData)(nil)
	_ sdk.Body = (*upstreamData)(nil)
)

// Downstream implements sdk.Conn.
func (c *conn) Downstream() sdk.Body { return (*downstreamData)(c) }

// Upstream implements sdk.Conn.
func (c *conn) Upstream() sdk.Body { return (*upstreamData)(c) }

// SetProperty implements sdk.Context.
func (c *conn) SetProperty(name, value string) {
	if c.activate() {
		c.check("setting property "+name, abi.SetProperty(name, value))
	}
}

// check closes the connection for a change that failed.
func (c *conn) check(doing string, status abi.Status) {
	if status != abi.OK {
		say(sdk.Error, "the proxy refused "+doing+": "+status.Error())
		c.Close()
	}
}

// Close implements sdk.Conn.
func (c *conn) Close() {
	if !c.closed && c.activate() {
		c.closed = true
		abi.Close(abi.Downstream)
	}
}

// ResumeDownstream implements sdk.Conn.
func (c *conn) ResumeDownstream() { c.resume(&c.downstream, abi.Downstream) }

// ResumeUpstream implements sdk.Conn.
func (c *conn) ResumeUpstream() { c.resume(&c.upstream, abi.Upstream) }

func (c *conn) resume(f *flow, direction abi.Flow) {
	switch {
	case c.closed:
	case !f.paused:
		f.resumed = current == c.id
	case c.activate():
		f.paused = false
		abi.Resume(direction)
	}
}

func (c *conn) change(f *flow, b abi.Buffer, from, n int, data []byte) {
	size, status := c.splice(b, f.size, from, n, data)
	f.size = size
	c.check("changing data", status)
}

func (b *downstreamData) Len() int { return b.downstream.size }
func (b *downstreamData) Read(from, n int) []byte {
	return (*conn)(b).bytes(abi.DownstreamData, b.downstream.size, from, n)
}
func (b *downstreamData) Set(data []byte) {
	(*conn)(b).change(&b.downstream, abi.DownstreamData, 0, b.downstream.size, data)
}
func (b *downstreamData) Append(data []byte) {
	(*conn)(b).change(&b.downstream, abi.DownstreamData, b.downstream.size, 0, data)
}
func (b *downstreamData) Prepend(data []byte) {
	(*conn)(b).change(&b.downstream, abi.DownstreamData, 0, 0, data)
}

func (b *upstreamData) Len() int { return b.upstream.size }
func (b *upstreamData) Read(from, n int) []byte {
	return (*conn)(b).bytes(abi.UpstreamData, b.upstream.size, from, n)
}
func (b *upstreamData) Set(data []byte) {
	(*conn)(b).change(&b.upstream, abi.UpstreamData, 0, b.upstream.size, data)
}
func (b *upstreamData) Append(data []byte) {
	(*conn)(b).change(&b.upstream, abi.UpstreamData, b.upstream.size, 0, data)
}
func (b *upstreamData) Prepend(data []byte) {
	(*conn)(b).change(&b.upstream, abi.UpstreamData, 0, 0, data)
}
