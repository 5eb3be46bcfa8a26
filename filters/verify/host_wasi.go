package verify

import (
	"crypto/rand"
	"time"
)

// badAddress is WASI's number for memory that is not there.
const badAddress = 21

// write prints: to standard output and error only, as in Envoy.
func (h *host) write(c *call) uint32 {
	if fd := c.u32(0); fd != 1 && fd != 2 {
		return 8
	}
	written := uint32(0)
	at, n := c.u32(1), c.u32(2)
	if n > 1024 {
		return 28
	}
	for i := range n {
		from, inside := c.mem.ReadUint32Le(at + 8*i)
		size, also := c.mem.ReadUint32Le(at + 8*i + 4)
		if !inside || !also {
			return badAddress
		}
		b, inside := c.mem.Read(from, size)
		if !inside {
			return badAddress
		}
		h.printed(b[:min(len(b), maxText)])
		written += size
	}
	if !c.put(3, written) {
		return badAddress
	}
	return 0
}

func (h *host) fileStatus(c *call) uint32 {
	if fd := c.u32(0); fd != 1 && fd != 2 {
		return 8
	}
	if !c.mem.Write(c.u32(1), make([]byte, 8)) || !c.mem.WriteUint64Le(c.u32(1)+8, 64) || !c.mem.WriteUint64Le(c.u32(1)+16, 0) {
		return badAddress
	}
	return 0
}

func (h *host) environSizes(c *call) uint32 {
	size := 0
	for _, v := range h.env {
		size += len(v) + 1
	}
	if !c.put(0, uint32(len(h.env))) || !c.put(1, uint32(size)) {
		return badAddress
	}
	return 0
}

func (h *host) environ(c *call) uint32 {
	places, at := c.u32(0), c.u32(1)
	for _, v := range h.env {
		if !c.mem.WriteUint32Le(places, at) || !c.mem.WriteString(at, v+"\x00") {
			return badAddress
		}
		places, at = places+4, at+uint32(len(v))+1
	}
	return 0
}

func (h *host) argsSizes(c *call) uint32 {
	if !c.put(0, 0) || !c.put(1, 0) {
		return badAddress
	}
	return 0
}

func (h *host) clock(c *call) uint32 {
	if c.u32(0) > 1 {
		return 58
	}
	if !c.put64(2, uint64(time.Now().UnixNano())) {
		return badAddress
	}
	return 0
}

func (h *host) clockStep(c *call) uint32 {
	if !c.put64(1, 1) {
		return badAddress
	}
	return 0
}

// random gives at most 64 KiB at once, as Envoy does.
func (h *host) random(c *call) uint32 {
	size := c.u32(1)
	if size > 64<<10 {
		return 28
	}
	b := make([]byte, size)
	_, _ = rand.Read(b)
	if !c.mem.Write(c.u32(0), b) {
		return badAddress
	}
	return 0
}

func (h *host) equal(c *call) uint32 {
	if c.u32(0) == c.u32(1) {
		return 1
	}
	return 0
}
