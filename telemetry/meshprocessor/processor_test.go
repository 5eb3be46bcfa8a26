package meshprocessor

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const page = "default/page"

func view() *mesh.View {
	v := &mesh.View{}
	v.Set(
		[]model.Workload{{Namespace: "default", Name: "reviews-v1", Address: "127.80.0.5"}},
		[]model.TelemetryRule{
			{Object: model.Ref{Namespace: "default", Name: "shown"}, Backends: []string{page}, Metrics: []model.Metric{
				{Name: "krater_requests_total", Kind: model.Counter},
				{Name: "krater_duration_seconds", Kind: model.Histogram, Value: "request.duration"},
				{Name: "krater_size", Kind: model.Histogram, Value: "response.size", Unit: "By"},
			}},
			{Object: model.Ref{Namespace: "default", Name: "hidden"}, Backends: []string{"default/other"}, Metrics: []model.Metric{{Name: "krater_hidden_total", Kind: model.Counter}}},
		},
		[]model.AttributeSet{{Attributes: []model.Attribute{{Name: "password", Redact: true}}}},
	)
	return v
}

// stats is what a proxy's sink sends.
func stats() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("telemetry.sdk.name", "envoy")
	rm.Resource().Attributes().PutStr("krater.proxy", "default/ratings-v1")
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range []string{
		"krater.default/shown/krater_requests_total", "krater.default/hidden/krater_hidden_total",
		"krater.default/shown/undeclared_total", "krater.nonsense", "cluster.upstream_rq_total",
		"krater.default/shown/krater_size", // declared as a histogram
	} {
		m := ms.AppendEmpty()
		m.SetName(name)
		p := m.SetEmptySum().DataPoints().AppendEmpty()
		p.SetIntValue(3)
		p.Attributes().PutStr("source_workload", "@127.80.0.5")
	}
	for _, name := range []string{"krater.default/shown/krater_duration_seconds", "krater.default/shown/krater_size"} {
		m := ms.AppendEmpty()
		m.SetName(name)
		p := m.SetEmptyHistogram().DataPoints().AppendEmpty()
		p.SetCount(2)
		p.SetSum(1500)
		p.ExplicitBounds().FromRaw([]float64{500, 1000})
		p.BucketCounts().FromRaw([]uint64{1, 1, 0})
	}
	return md
}

func TestMetricsOfProxiesBecomeTheRules(t *testing.T) {
	sink := &consumertest.MetricsSink{}
	cfg := &Config{Backend: page, Interval: time.Hour, MaxSeries: 100}
	p, err := NewFactory(view(), &Memory{}).CreateMetrics(context.Background(), processortest.NewNopSettings(Type), cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	own := pmetric.NewMetrics() // of one of Krater's daemons
	own.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetName("krater.push.duration")
	for _, md := range []pmetric.Metrics{stats(), own} {
		if err := p.ConsumeMetrics(context.Background(), md); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				switch m.Type() {
				case pmetric.MetricTypeSum:
					p := m.Sum().DataPoints().At(0)
					got[m.Name()] = []any{p.IntValue(), p.Attributes().AsRaw(), m.Sum().IsMonotonic(), m.Sum().AggregationTemporality().String()}
				case pmetric.MetricTypeHistogram:
					p := m.Histogram().DataPoints().At(0)
					got[m.Name()] = []any{p.Count(), p.Sum(), p.ExplicitBounds().AsRaw(), p.BucketCounts().AsRaw(), m.Unit()}
				default:
					got[m.Name()] = "as it came"
				}
			}
		}
	}
	want := map[string]any{
		"krater.push.duration":    "as it came",
		"krater_requests_total":   []any{int64(3), map[string]any{"source_workload": "reviews-v1"}, true, "Cumulative"},
		"krater_duration_seconds": []any{uint64(2), 1.5, []float64{0.5, 1}, []uint64{1, 1, 0}, ""},
		"krater_size":             []any{uint64(2), 1500.0, []float64{500, 1000}, []uint64{1, 1, 0}, "By"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLogsOfOthersAndRedactedAttributesAreDropped(t *testing.T) {
	sink := &consumertest.LogsSink{}
	p, err := NewFactory(view(), &Memory{}).CreateLogs(context.Background(), processortest.NewNopSettings(Type), &Config{Backend: page}, sink)
	if err != nil {
		t.Fatal(err)
	}
	ld := plog.NewLogs()
	for _, scope := range []string{"requests", "rule/default/shown/a", "rule/default/hidden/b", "policyd"} {
		sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
		sl.Scope().SetName(scope)
		r := sl.LogRecords().AppendEmpty()
		r.Attributes().PutStr("krater.attribute.password", "hunter2")
		r.Attributes().PutStr("krater.attribute.user", "jason")
	}
	if err := p.ConsumeLogs(context.Background(), ld); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rl := range sink.AllLogs()[0].ResourceLogs().All() {
		sl := rl.ScopeLogs().At(0)
		got = append(got, sl.Scope().Name())
		if diff := cmp.Diff(map[string]any{"krater.attribute.user": "jason"}, sl.LogRecords().At(0).Attributes().AsRaw()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", sl.Scope().Name(), diff)
		}
	}
	if diff := cmp.Diff([]string{"requests", "rule/default/shown/a", "policyd"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSpansLoseTheirQueries(t *testing.T) {
	sink := &consumertest.TracesSink{}
	p, err := NewFactory(view(), &Memory{}).CreateTraces(context.Background(), processortest.NewNopSettings(Type), &Config{Backend: page}, sink)
	if err != nil {
		t.Fatal(err)
	}
	td := ptrace.NewTraces()
	a := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().Attributes()
	if err := a.FromRaw(map[string]any{
		"http.url": "http://reviews/a?token=1", "url.full": "http://reviews/a", "url.query": "token=1",
		"krater.attribute.password": "hunter2", "http.method": "GET",
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.ConsumeTraces(context.Background(), td); err != nil {
		t.Fatal(err)
	}
	got := sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw()
	want := map[string]any{"http.url": "http://reviews/a", "url.full": "http://reviews/a", "http.method": "GET"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	if err := (&Config{}).Validate(); err == nil {
		t.Error("an empty configuration is good")
	}
	c := defaultConfig().(*Config)
	c.Backend = page
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
