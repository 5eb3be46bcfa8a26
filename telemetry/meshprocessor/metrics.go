package meshprocessor

import (
	"context"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"
)

// scopeName is the instrumentation scope of the rules' metrics.
const scopeName = "krater"

// metrics sums the proxies' stats and reports them at an interval. Metrics
// from anyone but a proxy (Krater's own daemons) pass as they are.
type metrics struct {
	config *Config
	view   *mesh.View
	sums   *sums
	next   consumer.Metrics
	log    *zap.Logger
	stop   context.CancelFunc
	ticks  sync.WaitGroup
}

var _ processor.Metrics = (*metrics)(nil)

func newMetrics(cfg *Config, view *mesh.View, s *sums, next consumer.Metrics, log *zap.Logger) *metrics {
	return &metrics{config: cfg, view: view, sums: s, next: next, log: log}
}

// Capabilities implements consumer.Metrics.
func (m *metrics) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start implements component.Component: it begins to report.
func (m *metrics) Start(context.Context, component.Host) error {
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.ticks.Go(func() {
		ticker := time.NewTicker(m.config.Interval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				m.report(ctx, now)
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

// Shutdown implements component.Component: what is due is still reported.
func (m *metrics) Shutdown(ctx context.Context) error {
	if m.stop == nil {
		return nil
	}
	m.stop()
	m.ticks.Wait()
	m.report(ctx, time.Now())
	return nil
}

// ConsumeMetrics implements consumer.Metrics.
func (m *metrics) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	now := time.Now()
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		if !fromEnvoy(rm.Resource()) {
			return false
		}
		for _, sm := range rm.ScopeMetrics().All() {
			for _, stat := range sm.Metrics().All() {
				m.take(proxyOf(rm.Resource()), stat, now)
			}
		}
		return true
	})
	if md.ResourceMetrics().Len() == 0 {
		return nil
	}
	return m.next.ConsumeMetrics(ctx, md)
}

// take adds a proxy's stat, if a rule declared it for this backend.
func (m *metrics) take(proxy string, stat pmetric.Metric, now time.Time) {
	rule, name, ok := parseStat(stat.Name())
	if !ok || !m.view.Sends(rule, m.config.Backend) {
		return
	}
	declared, ok := m.view.Metric(rule, name)
	if !ok {
		return
	}
	stream := proxy + "\x00" + stat.Name()
	switch {
	case stat.Type() == pmetric.MetricTypeSum && declared.Kind == model.Counter:
		for _, p := range stat.Sum().DataPoints().All() {
			m.add(stream, declared, p.StartTimestamp(), p.Attributes(), counter(p), now)
		}
	case stat.Type() == pmetric.MetricTypeHistogram && declared.Kind == model.Histogram:
		for _, p := range stat.Histogram().DataPoints().All() {
			m.add(stream, declared, p.StartTimestamp(), p.Attributes(), histogram(p, scale(declared)), now)
		}
	}
}

func (m *metrics) add(stream string, declared model.Metric, start pcommon.Timestamp, attributes pcommon.Map, v value, now time.Time) {
	sent := make(map[string]string, attributes.Len())
	labels := make(map[string]string, attributes.Len())
	for name, v := range attributes.All() {
		sent[name] = v.AsString()
		labels[name] = m.view.Resolve(v.AsString())
	}
	m.sums.add(report{stream: seriesKey(stream, sent), start: start, metric: declared, labels: labels, value: v}, m.config.MaxSeries, now)
}

// report hands on what is due.
func (m *metrics) report(ctx context.Context, now time.Time) {
	due := m.sums.due(m.config.Repeat, now)
	if len(due) == 0 {
		return
	}
	if err := m.next.ConsumeMetrics(ctx, publish(due, now)); err != nil {
		m.log.Warn("dropped a report of metrics", zap.Int("series", len(due)), zap.Error(err))
	}
}
