package filtertest

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/krater-mesh/krater/filters/sdk"
)

// streamCalls are the host calls on one stream: log, properties, buffers, the
// filter's own reply.
func (h *host) streamCalls() map[string]any {
	return map[string]any{
		"proxy_log": func(_ context.Context, m api.Module, level, text, size uint32) status {
			h.log = append(h.log, Line{levelOf(level), read(m, text, size)})
			return ok
		},
		"proxy_get_log_level": func(_ context.Context, m api.Module, level uint32) status {
			write(m, level, 0)
			return ok
		},
		"proxy_get_property": h.getProperty,
		"proxy_set_property": func(_ context.Context, m api.Module, path, pathSize, value, valueSize uint32) status {
			key, text := read(m, path, pathSize), read(m, value, valueSize)
			h.written[key] = text
			h.properties["wasm\x00"+key] = text
			return ok
		},
		"proxy_send_local_response": h.localResponse,
		"proxy_get_buffer_bytes":    h.getBuffer,
		"proxy_set_buffer_bytes":    h.setBuffer,
		"proxy_get_current_time_nanoseconds": func(_ context.Context, m api.Module, at uint32) status {
			m.Memory().WriteUint64Le(at, uint64(time.Now().UnixNano()))
			return ok
		},
		"proxy_set_tick_period_milliseconds": func(uint32) status { return ok },
		"proxy_set_effective_context":        func(uint32) status { return ok },
		"proxy_continue_stream":              func(uint32) status { return ok },
		"proxy_close_stream":                 func(uint32) status { return ok },
		"proxy_done":                         func() status { return ok },
	}
}

// levelOf maps proxy-wasm's six levels on ours.
func levelOf(level uint32) sdk.Level {
	switch {
	case level <= 1: // trace, debug
		return sdk.Debug
	case level == 2:
		return sdk.Info
	case level == 3:
		return sdk.Warn
	}
	return sdk.Error
}

func (h *host) getProperty(ctx context.Context, m api.Module, path, pathSize, address, size uint32) status {
	key := read(m, path, pathSize)
	if key == "plugin_root_id" {
		return give(ctx, m, []byte(h.rootID), address, size)
	}
	value, found := h.properties[key]
	if !found {
		value, found = h.written[key]
	}
	if !found {
		return notFound
	}
	return give(ctx, m, []byte(value), address, size)
}

func (h *host) localResponse(_ context.Context, m api.Module, code, details, detailsSize, body, bodySize, headers, headersSize, _ uint32) status {
	pairs, good := decodePairs(read(m, headers, headersSize))
	if !good && headersSize > 0 || code < 100 || code > 599 {
		return badArgument
	}
	h.reply = &sdk.Reply{
		Status: int(code), Headers: pairs, Body: read(m, body, bodySize), Details: read(m, details, detailsSize),
	}
	return ok
}

func (h *host) buffer(which uint32) []byte {
	switch which {
	case bufferPlugin:
		return h.pluginConfig
	case bufferVM:
		return nil
	}
	return h.body[which]
}

func (h *host) getBuffer(ctx context.Context, m api.Module, which, start, size, address, outSize uint32) status {
	b := h.buffer(which)
	if len(b) == 0 || int(start) > len(b) {
		return notFound
	}
	end := min(len(b), int(start)+int(size))
	return give(ctx, m, b[start:end], address, outSize)
}

// setBuffer replaces size bytes from start; both may lie behind the end.
func (h *host) setBuffer(_ context.Context, m api.Module, which, start, size, data, dataSize uint32) status {
	if which != bufferRequest && which != bufferResponse {
		return badArgument
	}
	b := h.body[which]
	from := min(len(b), int(start))
	to := min(len(b), from+int(size))
	h.body[which] = append(append(append([]byte(nil), b[:from]...), read(m, data, dataSize)...), b[to:]...)
	return ok
}
