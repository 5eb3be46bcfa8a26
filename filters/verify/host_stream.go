package verify

import (
	"strings"

	"github.com/krater-mesh/krater/filters/headermap"
)

// Numbers of buffers in proxy-wasm.
const (
	bufferRequest    = 0
	bufferResponse   = 1
	bufferDownstream = 2
	bufferUpstream   = 3
	bufferAnswer     = 4
	bufferMessage    = 5
	bufferVM         = 6
	bufferPlugin     = 7
)

// Numbers of header maps.
const (
	mapRequest          = 0
	mapRequestTrailers  = 1
	mapResponse         = 2
	mapResponseTrailers = 3
	mapGRPCInitial      = 4
	mapGRPCTrailing     = 5
	mapAnswer           = 6
)

func (h *host) headerValue(c *call) uint32 {
	pairs, there := h.stream.headers[c.u32(0)]
	name, inside := c.text(1)
	if !there {
		return badArgument
	}
	if !inside {
		return badMemory
	}
	value, found := "", false
	for _, p := range pairs {
		if strings.EqualFold(p[0], name) {
			if found {
				value += ","
			}
			value, found = value+p[1], true
		}
	}
	if !found {
		return notFound
	}
	return h.give(c, []byte(value), 3)
}

func (h *host) headerPairs(c *call) uint32 {
	pairs, there := h.stream.headers[c.u32(0)]
	if !there {
		return badArgument
	}
	return h.give(c, headermap.Encode(pairs), 1)
}

func (h *host) headerSize(c *call) uint32 {
	pairs, there := h.stream.headers[c.u32(0)]
	if !there {
		return badArgument
	}
	if !c.put(1, uint32(len(headermap.Encode(pairs)))) {
		return badMemory
	}
	return ok
}

func (h *host) setHeaders(c *call) uint32 {
	text, inside := c.text(1)
	if !inside {
		return badMemory
	}
	pairs, good := headermap.Decode(text)
	if _, there := h.stream.headers[c.u32(0)]; !good || len(pairs) > maxThings || !there || !h.keepStream(len(text)) {
		return badArgument
	}
	h.stream.headers[c.u32(0)] = pairs
	return ok
}

// change replaces one of the header maps by what do makes of it.
func (h *host) change(c *call, do func(pairs [][2]string, name, value string) [][2]string) uint32 {
	pairs, there := h.stream.headers[c.u32(0)]
	name, inside := c.text(1)
	value := ""
	if inside && len(c.a) > 3 {
		value, inside = c.text(3)
	}
	if !inside {
		return badMemory
	}
	if !there || len(pairs) >= maxThings || !h.keepStream(len(name)+len(value)) {
		return badArgument
	}
	h.stream.headers[c.u32(0)] = do(pairs, name, value)
	return ok
}

func (h *host) addHeader(c *call) uint32 {
	return h.change(c, func(pairs [][2]string, name, value string) [][2]string {
		return append(pairs, [2]string{strings.ToLower(name), value})
	})
}

func (h *host) replaceHeader(c *call) uint32 {
	return h.change(c, func(pairs [][2]string, name, value string) [][2]string {
		return append(without(pairs, name), [2]string{strings.ToLower(name), value})
	})
}

func (h *host) removeHeader(c *call) uint32 {
	return h.change(c, func(pairs [][2]string, name, _ string) [][2]string { return without(pairs, name) })
}

func without(pairs [][2]string, name string) [][2]string {
	var rest [][2]string
	for _, p := range pairs {
		if !strings.EqualFold(p[0], name) {
			rest = append(rest, p)
		}
	}
	return rest
}

func (h *host) buffer(which uint32) ([]byte, bool) {
	switch which {
	case bufferPlugin:
		return h.config, true
	case bufferVM:
		return nil, true
	}
	b, there := h.stream.buffers[which]
	return b, there
}

func (h *host) bufferBytes(c *call) uint32 {
	b, there := h.buffer(c.u32(0))
	start, size := int(c.u32(1)), int(c.u32(2))
	if !there || len(b) == 0 {
		return notFound
	}
	if start > len(b) {
		return badArgument
	}
	return h.give(c, b[start:min(len(b), start+size)], 3)
}

func (h *host) bufferStatus(c *call) uint32 {
	b, there := h.buffer(c.u32(0))
	if !there {
		return notFound
	}
	if !c.put(1, uint32(len(b))) || !c.put(2, 0) {
		return badMemory
	}
	return ok
}

// setBuffer replaces some bytes; both ends may lie behind the end.
func (h *host) setBuffer(c *call) uint32 {
	which := c.u32(0)
	b, there := h.stream.buffers[which]
	text, inside := c.text(3)
	if !inside {
		return badMemory
	}
	if !there || which > bufferUpstream || !h.keepStream(len(b)+len(text)) {
		return badArgument
	}
	from := min(len(b), int(c.u32(1)))
	to := min(len(b), from+int(c.u32(2)))
	h.stream.buffers[which] = append(append(append([]byte(nil), b[:from]...), text...), b[to:]...)
	return ok
}

func (h *host) property(c *call) uint32 {
	path, inside := c.text(0)
	if !inside {
		return badMemory
	}
	path = strings.TrimSuffix(path, "\x00")
	value, found := h.stream.properties[path]
	if path == "plugin_root_id" {
		value, found = h.rootID, true
	}
	if !found {
		return notFound
	}
	return h.give(c, []byte(value), 2)
}

func (h *host) setProperty(c *call) uint32 {
	path, inside := c.text(0)
	value, also := c.text(2)
	if !inside || !also {
		return badMemory
	}
	if len(h.stream.properties) >= maxThings || !h.keepStream(len(path)+len(value)) {
		return badArgument
	}
	h.stream.properties["wasm\x00"+path], h.stream.properties[path] = value, value
	return ok
}

func (h *host) localResponse(c *call) uint32 {
	_, details := c.text(1)
	body, inside := c.text(3)
	text, also := c.text(5)
	if !details || !inside || !also {
		return badMemory
	}
	pairs, good := headermap.Decode(text)
	if status := c.u32(0); !good || len(pairs) > maxThings || status < 100 || status > 599 || !h.keepStream(len(body)+len(text)) {
		return badArgument
	}
	h.stream.replied = true
	h.stream.headers[mapResponse] = append([][2]string{{":status", "200"}}, pairs...)
	h.stream.buffers[bufferResponse] = []byte(body)
	return ok
}
