package verify

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// line keeps the last lines that the module writes.
func (h *host) line(text string) {
	if len(text) > maxLine {
		for cut := maxLine; cut > maxLine-utf8.UTFMax; cut-- {
			if utf8.RuneStart(text[cut]) {
				text = text[:cut] + "..."
				break
			}
		}
	}
	h.lines = append(h.lines, text)
	if len(h.lines) > maxLines {
		h.lines = h.lines[1:]
	}
}

func (h *host) log(c *call) uint32 {
	text, inside := c.text(1)
	if !inside {
		return badMemory
	}
	if c.u32(0) > 5 {
		return badArgument
	}
	h.line(text)
	return ok
}

func (h *host) logLevel(c *call) uint32 {
	if !c.put(0, 2) { // info, as Envoy's Wasm log is by default
		return badMemory
	}
	return ok
}

func (h *host) now(c *call) uint32 {
	if !c.put64(0, uint64(time.Now().UnixNano())) {
		return badMemory
	}
	return ok
}

func (h *host) tickEvery(c *call) uint32 {
	h.ticks = c.u32(0) > 0
	return ok
}

// httpCall takes every third call for one of a service that is not there.
func (h *host) httpCall(c *call) uint32 { return h.startCall(c, 9, false) }

func (h *host) grpcCall(c *call) uint32 { return h.startCall(c, 11, true) }

func (h *host) grpcStream(c *call) uint32 { return h.startCall(c, 8, true) }

func (h *host) startCall(c *call, id int, grpc bool) uint32 {
	if service, inside := c.text(0); !inside {
		return badMemory
	} else if grpc && unnamed([]byte(service)) {
		panic(trapped("it calls a gRPC service that it does not name, at which Envoy ends"))
	}
	h.calls++
	if h.calls%3 == 0 || len(h.stream.pending) >= maxPending {
		return badArgument
	}
	if !c.put(id, h.calls) {
		return badMemory
	}
	h.stream.pending = append(h.stream.pending, pending{h.calls, grpc})
	return ok
}

func (h *host) callStatus(c *call) uint32 {
	if !c.put(0, 14) {
		return badMemory
	}
	return h.give(c, []byte("unavailable"), 1)
}

func (h *host) foreign(c *call) uint32 {
	name, inside := c.text(0)
	switch {
	case !inside:
		return badMemory
	case name == "clear_route_cache":
		return ok
	}
	return notFound
}

func (h *host) shared(c *call) uint32 {
	key, inside := c.text(0)
	if !inside {
		return badMemory
	}
	v, found := h.sharing[key]
	if !found {
		return notFound
	}
	if !c.put(4, v.cas) {
		return badMemory
	}
	return h.give(c, []byte(v.data), 2)
}

func (h *host) setShared(c *call) uint32 {
	key, inside := c.text(0)
	data, also := c.text(2)
	if !inside || !also {
		return badMemory
	}
	have, there := h.sharing[key]
	if cas := c.u32(4); cas != 0 && cas != have.cas {
		return casMismatch
	}
	h.kept -= len(have.data)
	if !h.keep(len(data)) || !there && !h.keep(len(key)+100) {
		return internal
	}
	h.sharing[key] = sharedValue{data, have.cas + 1}
	return ok
}

func (h *host) registerQueue(c *call) uint32 {
	name, inside := c.text(0)
	if !inside {
		return badMemory
	}
	for i, q := range h.queues {
		if q.name == name {
			return h.queueID(c, 2, i)
		}
	}
	if len(h.queues) >= 100 || !h.keep(len(name)) {
		return internal
	}
	h.queues = append(h.queues, queue{name: name})
	return h.queueID(c, 2, len(h.queues)-1)
}

func (h *host) queueID(c *call, arg, index int) uint32 {
	if !c.put(arg, uint32(index+1)) {
		return badMemory
	}
	return ok
}

func (h *host) resolveQueue(c *call) uint32 {
	name, inside := c.text(2)
	if !inside {
		return badMemory
	}
	for i, q := range h.queues {
		if q.name == name {
			return h.queueID(c, 4, i)
		}
	}
	return notFound
}

func (h *host) enqueue(c *call) uint32 {
	text, inside := c.text(1)
	i := int(c.u32(0)) - 1
	if !inside {
		return badMemory
	}
	if i < 0 || i >= len(h.queues) {
		return notFound
	}
	if !h.keep(len(text) + 16) {
		return internal
	}
	h.queues[i].items = append(h.queues[i].items, text)
	return ok
}

func (h *host) dequeue(c *call) uint32 {
	i := int(c.u32(0)) - 1
	if i < 0 || i >= len(h.queues) {
		return notFound
	}
	q := &h.queues[i]
	if len(q.items) == 0 {
		return empty
	}
	text := q.items[0]
	q.items = q.items[1:]
	h.kept -= len(text) + 16
	return h.give(c, []byte(text), 1)
}

func (h *host) defineMetric(c *call) uint32 {
	name, inside := c.text(1)
	if !inside {
		return badMemory
	}
	id, there := h.metricID[name]
	if !there {
		if len(h.metrics) >= maxThings || !h.keep(len(name)+100) {
			return internal
		}
		id = uint32(len(h.metrics))
		h.metrics = append(h.metrics, 0)
		h.metricID[name] = id
	}
	if c.u32(0) > 2 {
		return badArgument
	}
	if !c.put(3, id) {
		return badMemory
	}
	return ok
}

func (h *host) onMetric(c *call, do func(*int64) bool) uint32 {
	if uint64(c.u32(0)) >= uint64(len(h.metrics)) {
		return notFound
	}
	if !do(&h.metrics[c.u32(0)]) {
		return badMemory
	}
	return ok
}

func (h *host) addMetric(c *call) uint32 {
	return h.onMetric(c, func(v *int64) bool { *v += int64(c.a[1]); return true })
}

func (h *host) setMetric(c *call) uint32 {
	return h.onMetric(c, func(v *int64) bool { *v = int64(c.a[1]); return true })
}

func (h *host) metric(c *call) uint32 {
	return h.onMetric(c, func(v *int64) bool { return c.put64(1, uint64(*v)) })
}

// printed makes lines of what the guest prints.
func (h *host) printed(b []byte) {
	h.partly = append(h.partly, b...)
	for {
		line, rest, ends := bytes.Cut(h.partly, []byte("\n"))
		if !ends && len(h.partly) < 4*maxLine {
			return
		}
		h.line(string(line))
		h.partly = rest
		if !ends {
			h.partly = nil
			return
		}
	}
}
