package lineexporter

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var at = pcommon.NewTimestampFromTime(time.Unix(1000, 0))

func TestLines(t *testing.T) {
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetTimestamp(at)
	r.Body().SetStr("GET reviews/0\nforged 200")
	r.Attributes().PutStr("user_agent.original", `my "browser"`)
	r.Attributes().PutInt("http.response.status_code", 200)
	r.Attributes().PutStr("krater.route", "")

	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName("ingress")
	s.SetStartTimestamp(at)
	s.SetEndTimestamp(at + pcommon.Timestamp(3*time.Millisecond))
	s.SetTraceID([16]byte{1})
	s.SetSpanID([8]byte{2})

	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	sum, gauge, histogram := ms.AppendEmpty(), ms.AppendEmpty(), ms.AppendEmpty()
	sum.SetName("total")
	n := sum.SetEmptySum().DataPoints().AppendEmpty()
	n.SetTimestamp(at)
	n.SetIntValue(7)
	n.Attributes().PutStr("code", "200")
	gauge.SetName("size")
	g := gauge.SetEmptyGauge().DataPoints().AppendEmpty()
	g.SetTimestamp(at)
	g.SetDoubleValue(0.5)
	histogram.SetName("took")
	h := histogram.SetEmptyHistogram().DataPoints().AppendEmpty()
	h.SetTimestamp(at)
	h.SetCount(2)
	h.SetSum(3)

	var b bytes.Buffer
	f := NewFactory(&b)
	ctx, set := context.Background(), exportertest.NewNopSettings(Type)
	logs, err := f.CreateLogs(ctx, set, f.CreateDefaultConfig())
	if err == nil {
		err = logs.ConsumeLogs(ctx, ld)
	}
	if err != nil {
		t.Fatal(err)
	}
	traces, err := f.CreateTraces(ctx, set, f.CreateDefaultConfig())
	if err == nil {
		err = traces.ConsumeTraces(ctx, td)
	}
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := f.CreateMetrics(ctx, set, f.CreateDefaultConfig())
	if err == nil {
		err = metrics.ConsumeMetrics(ctx, md)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`TIME log GET reviews/0�forged 200 http.response.status_code=200 krater.route="" user_agent.original="my \"browser\""
TIME span ?: ingress 3ms trace=01000000000000000000000000000000 span=0200000000000000
TIME metric total 7 code=200
TIME metric size 0.5
TIME metric took count=2 sum=3
`, "TIME", time.Unix(1000, 0).Format(stamp))
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
