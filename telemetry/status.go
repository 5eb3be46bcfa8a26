package telemetry

import (
	"context"
	"strings"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Status is how the collector is, for `krater status`.
type Status struct {
	Running  bool            `json:"running"`
	Backends []BackendStatus `json:"backends"`
	Problems model.Problems  `json:"problems,omitempty"`
	Accepted uint64          `json:"accepted"` // records, points and spans that arrived
	Refused  uint64          `json:"refused"`  // of them, those dropped on arrival (memory)
}

// BackendStatus counts records, points and spans since the start.
type BackendStatus struct {
	Backend string            `json:"backend"` // "namespace/name"
	Type    model.BackendType `json:"type"`
	Sent    uint64            `json:"sent"`
	Failed  uint64            `json:"failed"`  // given up after retries
	Dropped uint64            `json:"dropped"` // the queue was full
}

// Status reads the counts; it may be called at any time.
func (c *Collector) Status() Status {
	c.mu.Lock()
	s := Status{Running: c.running != nil, Problems: c.problems}
	for _, b := range c.inForce {
		s.Backends = append(s.Backends, BackendStatus{Backend: b.Object.Key(), Type: b.Type})
	}
	c.mu.Unlock()
	for _, n := range c.meters.counts() {
		switch {
		case strings.HasPrefix(n.metric, "otelcol_receiver_accepted_"):
			s.Accepted += n.count
		case strings.HasPrefix(n.metric, "otelcol_receiver_refused_"), strings.HasPrefix(n.metric, "otelcol_receiver_failed_"):
			s.Refused += n.count
		}
		for i := range s.Backends {
			if b := &s.Backends[i]; n.backend == b.Backend {
				b.add(n)
			}
		}
	}
	return s
}

func (b *BackendStatus) add(n count) {
	switch {
	case strings.HasPrefix(n.metric, "otelcol_exporter_sent_"):
		b.Sent += n.count
	case strings.HasPrefix(n.metric, "otelcol_exporter_send_failed_"):
		b.Failed += n.count
	case strings.HasPrefix(n.metric, "otelcol_exporter_enqueue_failed_"):
		b.Dropped += n.count
	}
}

// meters keeps the Collector's own counters, over restarts of its pipelines.
type meters struct {
	metric.MeterProvider
	reader *sdkmetric.ManualReader
}

func newMeters() *meters {
	reader := sdkmetric.NewManualReader()
	return &meters{sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), reader}
}

// Shutdown implements the service's MeterProvider; the counters go on.
func (m *meters) Shutdown(context.Context) error { return nil }

// count is one counter's value; the backend is that of an exporter's counter.
type count struct {
	metric, backend string
	count           uint64
}

func (m *meters) counts() []count {
	var data metricdata.ResourceMetrics
	if err := m.reader.Collect(context.Background(), &data); err != nil {
		return nil
	}
	var out []count
	for _, scope := range data.ScopeMetrics {
		for _, one := range scope.Metrics {
			sum, ok := one.Data.(metricdata.Sum[int64])
			if !ok {
				continue
			}
			for _, p := range sum.DataPoints {
				exporter, _ := p.Attributes.Value("exporter")
				_, backend, _ := strings.Cut(exporter.AsString(), "/")
				out = append(out, count{one.Name, backend, uint64(max(p.Value, 0))})
			}
		}
	}
	return out
}
