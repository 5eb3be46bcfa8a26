package filtertest

import (
	"context"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/krater-mesh/krater/filters/headermap"
	"github.com/krater-mesh/krater/filters/sdk"
)

// list finds a header map; those of a call belong to the root.
func (h *host) list(which uint32) *sdk.HeaderList {
	c := h.context()
	if which >= mapGRPCMetadata {
		c, _ = h.root()
	}
	return c.maps[which]
}

// headerCalls are the host calls on header maps. A map that does not exist at
// this point of the stream is a bad argument, as in Envoy.
func (h *host) headerCalls() map[string]any {
	return map[string]any{
		"proxy_get_header_map_value": func(ctx context.Context, m api.Module, which, key, keySize, address, size uint32) status {
			list := h.list(which)
			if list == nil {
				return badArgument
			}
			n := name(m, key, keySize)
			for _, p := range list.All() { // of several, Envoy gives the first
				if p[0] == n {
					return give(ctx, m, []byte(p[1]), address, size)
				}
			}
			return notFound
		},
		"proxy_get_header_map_pairs": func(ctx context.Context, m api.Module, which, address, size uint32) status {
			list := h.list(which)
			if list == nil {
				return badArgument
			}
			return give(ctx, m, headermap.Encode(list.All()), address, size)
		},
		"proxy_get_header_map_size": func(_ context.Context, m api.Module, which, size uint32) status {
			list := h.list(which)
			if list == nil {
				return badArgument
			}
			write(m, size, uint32(len(headermap.Encode(list.All()))))
			return ok
		},
		"proxy_set_header_map_pairs": h.setPairs,
		"proxy_add_header_map_value": func(_ context.Context, m api.Module, which, key, keySize, value, valueSize uint32) status {
			return h.change(which, func(l *sdk.HeaderList) { l.Add(name(m, key, keySize), read(m, value, valueSize)) })
		},
		"proxy_replace_header_map_value": func(_ context.Context, m api.Module, which, key, keySize, value, valueSize uint32) status {
			return h.change(which, func(l *sdk.HeaderList) { l.Set(name(m, key, keySize), read(m, value, valueSize)) })
		},
		"proxy_remove_header_map_value": func(_ context.Context, m api.Module, which, key, keySize uint32) status {
			return h.change(which, func(l *sdk.HeaderList) { l.Remove(name(m, key, keySize)) })
		},
	}
}

func (h *host) setPairs(_ context.Context, m api.Module, which, pairs, size uint32) status {
	list, good := headermap.Decode(read(m, pairs, size))
	if !good {
		return badArgument
	}
	return h.change(which, func(l *sdk.HeaderList) { *l = *sdk.NewHeaderList(list...) })
}

// change changes a map of a stream; a call's answer cannot be changed. Any
// change of a request's headers has the proxy choose the route again.
func (h *host) change(which uint32, do func(*sdk.HeaderList)) status {
	list := h.list(which)
	if list == nil || which >= mapGRPCMetadata {
		return badArgument
	}
	do(list)
	if s := h.context().stream; s != nil && which == mapRequest {
		s.routeCleared = true
	}
	return ok
}

func name(m api.Module, at, size uint32) string { return strings.ToLower(read(m, at, size)) }
