package filtertest

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

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
