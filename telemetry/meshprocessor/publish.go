package meshprocessor

import (
	"time"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// counter reads a point of a counter.
func counter(p pmetric.NumberDataPoint) value {
	if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
		return value{count: uint64(max(p.DoubleValue(), 0))}
	}
	return value{count: uint64(max(p.IntValue(), 0))}
}

// histogram reads a point of a histogram, times the factor.
func histogram(p pmetric.HistogramDataPoint, factor float64) value {
	v := value{count: p.Count(), sum: p.Sum() * factor, bounds: p.ExplicitBounds().AsRaw(), buckets: p.BucketCounts().AsRaw()}
	for i := range v.bounds {
		v.bounds[i] *= factor
	}
	return v
}

// publish writes series, which are ordered by metric, under their public
// names.
func publish(due []series, now time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	scope := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(scopeName)
	var m pmetric.Metric
	for i, line := range due {
		if i == 0 || due[i-1].metric.Name != line.metric.Name || due[i-1].metric.Kind != line.metric.Kind {
			m = scope.Metrics().AppendEmpty()
			declare(m, line.metric)
		}
		since, at := pcommon.NewTimestampFromTime(line.since), pcommon.NewTimestampFromTime(now)
		if line.metric.Kind == model.Histogram {
			p := m.Histogram().DataPoints().AppendEmpty()
			p.SetStartTimestamp(since)
			p.SetTimestamp(at)
			p.SetCount(line.value.count)
			p.SetSum(line.value.sum)
			p.ExplicitBounds().FromRaw(line.value.bounds)
			p.BucketCounts().FromRaw(line.value.buckets)
			putLabels(p.Attributes(), line.labels)
			continue
		}
		p := m.Sum().DataPoints().AppendEmpty()
		p.SetStartTimestamp(since)
		p.SetTimestamp(at)
		p.SetIntValue(int64(line.value.count))
		putLabels(p.Attributes(), line.labels)
	}
	return md
}

func declare(m pmetric.Metric, declared model.Metric) {
	m.SetName(declared.Name)
	m.SetUnit(declared.Unit)
	if declared.Kind == model.Histogram {
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		return
	}
	m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	m.Sum().SetIsMonotonic(true)
}

func putLabels(to pcommon.Map, labels map[string]string) {
	for name, v := range labels {
		to.PutStr(name, v)
	}
}
