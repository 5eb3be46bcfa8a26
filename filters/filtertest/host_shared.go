package filtertest

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// sharedValue is one entry of the data that a proxy's VMs share; cas counts
// its writes.
type sharedValue struct {
	data string
	cas  uint32
}

// sharedCalls are the host calls on shared data.
func (h *host) sharedCalls() map[string]any {
	return map[string]any{
		"proxy_get_shared_data": func(ctx context.Context, m api.Module, key, keySize, address, size, cas uint32) status {
			v, found := h.shared[read(m, key, keySize)]
			if !found {
				return notFound
			}
			write(m, cas, v.cas)
			return give(ctx, m, []byte(v.data), address, size)
		},
		"proxy_set_shared_data": func(_ context.Context, m api.Module, key, keySize, value, valueSize, cas uint32) status {
			k := read(m, key, keySize)
			have := h.shared[k]
			if cas != 0 && cas != have.cas {
				return casMismatch
			}
			h.shared[k] = sharedValue{read(m, value, valueSize), have.cas + 1}
			return ok
		},
	}
}

// metric is a counter, gauge or histogram; of the last, the latest value.
type metric struct {
	name  string
	value uint64
}

// metricCalls are the host calls on metrics.
func (h *host) metricCalls() map[string]any {
	return map[string]any{
		"proxy_define_metric": func(_ context.Context, m api.Module, _, at, size, id uint32) status {
			n := read(m, at, size)
			for i, have := range h.metrics {
				if have.name == n {
					write(m, id, uint32(i))
					return ok
				}
			}
			write(m, id, uint32(len(h.metrics)))
			h.metrics = append(h.metrics, metric{name: n})
			return ok
		},
		"proxy_increment_metric": func(id uint32, by int64) status {
			return h.metric(id, func(v *metric) { v.value += uint64(by) })
		},
		"proxy_record_metric": func(id uint32, value uint64) status {
			return h.metric(id, func(v *metric) { v.value = value })
		},
		"proxy_get_metric": func(_ context.Context, m api.Module, id, at uint32) status {
			return h.metric(id, func(v *metric) { m.Memory().WriteUint64Le(at, v.value) })
		},
	}
}

func (h *host) metric(id uint32, do func(*metric)) status {
	if int(id) >= len(h.metrics) {
		return badArgument
	}
	do(&h.metrics[id])
	return ok
}

// Metric gives the value of a metric that the module defined; of a histogram,
// the value recorded last.
func (m *Module) Metric(name string) (uint64, bool) {
	for _, v := range m.host.metrics {
		if v.name == name {
			return v.value, true
		}
	}
	return 0, false
}

// absentCalls are those that Envoy has and this host has not: a module that
// imports them loads, and is told so when it calls one.
func absentCalls() map[string]any {
	return map[string]any{
		"proxy_http_call":             func(_, _, _, _, _, _, _, _, _, _ uint32) status { return unimplemented },
		"proxy_grpc_call":             func(_, _, _, _, _, _, _, _, _, _, _, _ uint32) status { return unimplemented },
		"proxy_grpc_stream":           func(_, _, _, _, _, _, _, _, _ uint32) status { return unimplemented },
		"proxy_grpc_send":             func(_, _, _, _ uint32) status { return unimplemented },
		"proxy_grpc_cancel":           func(_ uint32) status { return unimplemented },
		"proxy_grpc_close":            func(_ uint32) status { return unimplemented },
		"proxy_get_status":            func(_, _, _ uint32) status { return unimplemented },
		"proxy_call_foreign_function": func(_, _, _, _, _, _ uint32) status { return unimplemented },
		"proxy_register_shared_queue": func(_, _, _ uint32) status { return unimplemented },
		"proxy_resolve_shared_queue":  func(_, _, _, _, _ uint32) status { return unimplemented },
		"proxy_dequeue_shared_queue":  func(_, _, _ uint32) status { return unimplemented },
		"proxy_enqueue_shared_queue":  func(_, _, _ uint32) status { return unimplemented },
	}
}
