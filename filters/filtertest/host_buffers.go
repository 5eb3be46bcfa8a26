package filtertest

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

func (h *host) bufferCalls() map[string]any {
	return map[string]any{
		"proxy_get_buffer_bytes": h.getBuffer,
		"proxy_set_buffer_bytes": h.setBuffer,
		"proxy_get_buffer_status": func(_ context.Context, m api.Module, which, size, flags uint32) status {
			write(m, size, uint32(len(h.buffer(which))))
			write(m, flags, 0)
			return ok
		},
	}
}

func (h *host) buffer(which uint32) []byte {
	c := h.context()
	switch which {
	case bufferPlugin:
		root, _ := h.root()
		return root.config
	case bufferVM:
		return nil
	case bufferCall, bufferGRPC:
		c, _ = h.root()
	}
	return c.buffers[which]
}

func (h *host) getBuffer(ctx context.Context, m api.Module, which, start, size, address, outSize uint32) status {
	b := h.buffer(which)
	if len(b) == 0 || int(start) > len(b) {
		return notFound
	}
	end := min(len(b), int(start)+int(size))
	return give(ctx, m, b[start:end], address, outSize)
}

// setBuffer replaces size bytes at the start, or appends, as Envoy does: it
// refuses to change the middle.
func (h *host) setBuffer(_ context.Context, m api.Module, which, start, size, data, dataSize uint32) status {
	c := h.context()
	b, there := c.buffers[which]
	if which > bufferUpstream || !there {
		return badArgument
	}
	text := read(m, data, dataSize)
	switch {
	case start == 0 && int(size) <= len(b):
		c.buffers[which] = append([]byte(text), b[size:]...)
	case start == 0:
		c.buffers[which] = []byte(text)
	case int(start) >= len(b):
		c.buffers[which] = append(append([]byte(nil), b...), text...)
	default:
		return badArgument
	}
	return ok
}
