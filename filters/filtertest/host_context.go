package filtertest

import (
	"context"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/krater-mesh/krater/filters/headermap"
	"github.com/krater-mesh/krater/filters/sdk"
)

// contextCalls are the host calls on one stream or connection: log,
// properties, the filter's own reply, going on.
func (h *host) contextCalls() map[string]any {
	return map[string]any{
		"proxy_log": func(_ context.Context, m api.Module, level, text, size uint32) status {
			h.flush()
			h.log = append(h.log, Line{levelOf(level), read(m, text, size)})
			return ok
		},
		"proxy_get_log_level": func(_ context.Context, m api.Module, level uint32) status {
			write(m, level, 0)
			return ok
		},
		"proxy_get_property":        h.getProperty,
		"proxy_set_property":        h.setProperty,
		"proxy_send_local_response": h.localResponse,
		"proxy_continue_stream":     h.continueStream,
		"proxy_close_stream":        h.closeStream,
		"proxy_set_effective_context": func(id uint32) status {
			if h.contexts[id] == nil {
				return badArgument
			}
			h.effective = id
			return ok
		},
		"proxy_done": func() status { return ok },
		"proxy_get_current_time_nanoseconds": func(_ context.Context, m api.Module, at uint32) status {
			m.Memory().WriteUint64Le(at, uint64(h.module.Clock().UnixNano()))
			return ok
		},
		"proxy_set_tick_period_milliseconds": func(period uint32) status {
			root, _ := h.root()
			root.period = time.Duration(period) * time.Millisecond
			return ok
		},
		"proxy_call_foreign_function": h.foreign,
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
	if root, _ := h.root(); key == "plugin_root_id" {
		return give(ctx, m, []byte(root.rootID), address, size)
	}
	c := h.context()
	for _, from := range []map[string]string{c.properties, c.written} {
		if value, found := from[key]; found {
			return give(ctx, m, []byte(value), address, size)
		}
	}
	if value, found := h.module.Properties[strings.ReplaceAll(key, "\x00", ".")]; found {
		return give(ctx, m, []byte(value), address, size)
	}
	return notFound
}

// setProperty is refused on a root, as in Envoy.
func (h *host) setProperty(_ context.Context, m api.Module, path, pathSize, value, valueSize uint32) status {
	c := h.context()
	if c.parent == 0 {
		return notFound
	}
	key, text := read(m, path, pathSize), read(m, value, valueSize)
	c.written[key] = text
	return ok
}

func (h *host) localResponse(_ context.Context, m api.Module, code, details, detailsSize, body, bodySize, headers, headersSize, _ uint32) status {
	pairs, good := headermap.Decode(read(m, headers, headersSize))
	if !good && headersSize > 0 || code < 100 || code > 599 {
		return badArgument
	}
	if s := h.context().stream; s != nil && s.reply == nil {
		s.reply = &sdk.Reply{
			Status: int(code), Headers: pairs, Body: read(m, body, bodySize), Details: read(m, details, detailsSize),
		}
		h.later(s.advance)
	}
	return ok
}

func (h *host) continueStream(flow uint32) status {
	c := h.context()
	switch {
	case c.stream != nil && flow <= 1:
		h.later(func() error { return c.stream.resume(flow) })
	case c.conn != nil && (flow == 2 || flow == 3):
		h.later(func() error { c.conn.resume(flow - 2); return nil })
	default:
		return badArgument
	}
	return ok
}

func (h *host) closeStream(flow uint32) status {
	c := h.context()
	if c.conn == nil || flow < 2 {
		return badArgument
	}
	h.later(c.conn.Close)
	return ok
}

// foreign calls a function by name. Envoy's clear_route_cache works on the
// callback's own context, whichever is effective.
func (h *host) foreign(ctx context.Context, m api.Module, at, size, argument, argumentSize, address, outSize uint32) status {
	n := read(m, at, size)
	if n == "clear_route_cache" {
		if c := h.contexts[h.current]; c != nil && c.stream != nil {
			c.stream.routeCleared = true
		}
		return ok
	}
	f := h.module.Functions[n]
	if f == nil {
		return notFound
	}
	result, err := f([]byte(read(m, argument, argumentSize)))
	if err != nil {
		return internalFailure
	}
	return give(ctx, m, result, address, outSize)
}
