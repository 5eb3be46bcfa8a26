package lineexporter

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// stamp is how a line's time is written.
const stamp = "2006-01-02T15:04:05.000Z07:00"

// logLines writes "TIME log BODY name=value …".
func logLines(ld plog.Logs) []byte {
	var b bytes.Buffer
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				line(&b, r.Timestamp(), "log", r.Body().AsString(), r.Attributes())
			}
		}
	}
	return b.Bytes()
}

// spanLines writes "TIME span SERVICE: NAME DURATION trace=ID name=value …".
func spanLines(td ptrace.Traces) []byte {
	var b bytes.Buffer
	for _, rs := range td.ResourceSpans().All() {
		service := "?"
		if v, ok := rs.Resource().Attributes().Get("service.name"); ok {
			service = v.AsString()
		}
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				took := s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime())
				what := fmt.Sprintf("%s: %s %s trace=%s span=%s", service, s.Name(), took, s.TraceID(), s.SpanID())
				if !s.ParentSpanID().IsEmpty() {
					what += " parent=" + s.ParentSpanID().String()
				}
				line(&b, s.StartTimestamp(), "span", what, s.Attributes())
			}
		}
	}
	return b.Bytes()
}

// metricLines writes "TIME metric NAME VALUE name=value …".
func metricLines(md pmetric.Metrics) []byte {
	var b bytes.Buffer
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				metric(&b, m)
			}
		}
	}
	return b.Bytes()
}

func metric(b *bytes.Buffer, m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		numbers(b, m, m.Sum().DataPoints())
	case pmetric.MetricTypeGauge:
		numbers(b, m, m.Gauge().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			line(b, p.Timestamp(), "metric", fmt.Sprintf("%s count=%d sum=%g", m.Name(), p.Count(), p.Sum()), p.Attributes())
		}
	}
}

func numbers(b *bytes.Buffer, m pmetric.Metric, points pmetric.NumberDataPointSlice) {
	for _, p := range points.All() {
		text := strconv.FormatFloat(p.DoubleValue(), 'g', -1, 64)
		if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
			text = strconv.FormatInt(p.IntValue(), 10)
		}
		line(b, p.Timestamp(), "metric", m.Name()+" "+text, p.Attributes())
	}
}

// line writes one line. Values with spaces, quotes or control characters are
// quoted, so nothing a client sends makes a line of its own.
func line(b *bytes.Buffer, at pcommon.Timestamp, kind, what string, attributes pcommon.Map) {
	fmt.Fprintf(b, "%s %s %s", at.AsTime().Local().Format(stamp), kind, printable(what))
	names := make([]string, 0, attributes.Len())
	for name := range attributes.All() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v, _ := attributes.Get(name)
		fmt.Fprintf(b, " %s=%s", printable(name), quoted(v.AsString()))
	}
	b.WriteByte('\n')
}

// printable is text without control characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '�'
	}, s)
}

func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r == '"' || !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
