package meshprocessor

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	// seriesExpiry is how long a series is reported after no proxy had it.
	seriesExpiry = 15 * time.Minute
	// streamExpiry is how long a silent proxy's last value is remembered.
	streamExpiry = 24 * time.Hour
	// overflow labels the sum of what came after the bound on series.
	overflow = "otel.metric.overflow"
)

// Memory holds what each backend was told, over restarts of the pipelines.
// The zero value is ready to use.
type Memory struct {
	mu       sync.Mutex
	backends map[string]*sums
}

// of gives one backend's sums.
func (m *Memory) of(backend string) *sums {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.backends == nil {
		m.backends = map[string]*sums{}
	}
	if m.backends[backend] == nil {
		m.backends[backend] = &sums{streams: map[string]*stream{}, series: map[string]*series{}}
	}
	return m.backends[backend]
}

// sums adds up the counters and histograms of all proxies. Proxies report
// totals since their start, so a report that is lost loses nothing, and a
// proxy that starts anew is seen by its start time or by a smaller total.
type sums struct {
	mu      sync.Mutex
	streams map[string]*stream // by proxy, rule, metric and labels as sent
	series  map[string]*series // by metric and public labels
}

// stream is one proxy's last report of one stat.
type stream struct {
	start pcommon.Timestamp
	value value
	seen  time.Time
}

// series is one line of a public metric.
type series struct {
	metric  model.Metric
	labels  map[string]string
	value   value
	since   time.Time
	seen    time.Time
	changed bool
}

// report is one proxy's total for one stat.
type report struct {
	stream string // identifies proxy, rule and stat
	start  pcommon.Timestamp
	metric model.Metric
	labels map[string]string // public names and values
	value  value
}

// add takes one report. With maxSeries reached, new series share one.
func (s *sums) add(r report, maxSeries int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delta := r.value
	if last := s.streams[r.stream]; last != nil && last.start == r.start {
		delta = r.value.since(last.value)
	}
	s.streams[r.stream] = &stream{start: r.start, value: r.value, seen: now}
	line := s.line(r, maxSeries, now)
	line.metric, line.seen = r.metric, now
	if !delta.zero() {
		line.value.add(delta)
		line.changed = true
	}
}

// line finds or makes the series that a report belongs to.
func (s *sums) line(r report, maxSeries int, now time.Time) *series {
	key := seriesKey(r.metric.Name, r.labels)
	if line := s.series[key]; line != nil {
		return line
	}
	labels := r.labels
	if len(s.series) >= maxSeries {
		labels = map[string]string{overflow: "true"}
		key = seriesKey(r.metric.Name, labels)
		if line := s.series[key]; line != nil {
			return line
		}
	}
	line := &series{metric: r.metric, labels: labels, since: now, changed: true}
	s.series[key] = line
	return line
}

// seriesKey is unique for a metric and its labels.
func seriesKey(metric string, labels map[string]string) string {
	var b strings.Builder
	b.WriteString(metric)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString("\x00" + name + "\x01" + labels[name])
	}
	return b.String()
}

// due gives copies of the series to report, ordered by metric and labels:
// those that changed since the last call or, with repeat, all. What expired
// is forgotten.
func (s *sums) due(repeat bool, now time.Time) []series {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.streams, func(_ string, st *stream) bool { return now.Sub(st.seen) > streamExpiry })
	maps.DeleteFunc(s.series, func(_ string, l *series) bool { return now.Sub(l.seen) > seriesExpiry })
	var due []series
	for _, key := range slices.Sorted(maps.Keys(s.series)) {
		line := s.series[key]
		if !line.changed && !repeat {
			continue
		}
		line.changed = false
		copied := *line
		copied.value = line.value.clone()
		due = append(due, copied)
	}
	return due
}
