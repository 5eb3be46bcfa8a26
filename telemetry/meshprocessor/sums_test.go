package meshprocessor

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"
)

var (
	began    = time.Unix(1000, 0)
	requests = model.Metric{Name: "krater_requests_total", Kind: model.Counter}
)

func total(proxy string, start pcommon.Timestamp, count uint64, code string) report {
	labels := map[string]string{"code": code}
	return report{stream: seriesKey(proxy, labels), start: start, metric: requests, labels: labels, value: value{count: count}}
}

// shown gives the totals by label that are due.
func shown(s *sums, repeat bool, now time.Time) map[string]uint64 {
	out := map[string]uint64{}
	for _, line := range s.due(repeat, now) {
		out[line.labels["code"]+line.labels[overflow]] = line.value.count
	}
	return out
}

func TestSums(t *testing.T) {
	s := (&Memory{}).of("default/page")
	for step, c := range []struct {
		what string
		in   report
		want map[string]uint64
	}{
		{"the first total counts in full", total("a", 1, 5, "200"), map[string]uint64{"200": 5}},
		{"the same total again adds nothing", total("a", 1, 5, "200"), map[string]uint64{}},
		{"a second proxy adds to it", total("b", 1, 2, "200"), map[string]uint64{"200": 7}},
		{"only what is new is added", total("a", 1, 6, "200"), map[string]uint64{"200": 8}},
		{"a proxy that started anew adds all", total("a", 2, 7, "200"), map[string]uint64{"200": 15}},
		{"also where its start time is the same", total("a", 2, 1, "200"), map[string]uint64{"200": 16}},
		{"other labels are another series", total("a", 2, 1, "503"), map[string]uint64{"503": 1}},
		{"a total of nothing is shown once", total("a", 2, 0, "404"), map[string]uint64{"404": 0}},
	} {
		s.add(c.in, 100, began)
		if diff := cmp.Diff(c.want, shown(s, false, began)); diff != "" {
			t.Errorf("step %d: %s (-want +got)\n%s", step, c.what, diff)
		}
	}
}

func TestSumsRepeatWhatProxiesStillHave(t *testing.T) {
	s := (&Memory{}).of("default/page")
	s.add(total("a", 1, 5, "200"), 100, began)
	s.add(total("a", 1, 1, "503"), 100, began)
	later := began.Add(seriesExpiry)
	s.add(total("a", 1, 5, "200"), 100, later) // unchanged
	if diff := cmp.Diff(map[string]uint64{"200": 5}, shown(s, true, later.Add(time.Second))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSumsAreBounded(t *testing.T) {
	s := (&Memory{}).of("default/page")
	for i := range 10 {
		s.add(total("a", 1, 1, fmt.Sprint(i)), 3, began)
		s.add(total("a", 1, 2, fmt.Sprint(i)), 3, began)
	}
	if diff := cmp.Diff(map[string]uint64{"0": 2, "1": 2, "2": 2, "true": 14}, shown(s, true, began)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Whatever reports are lost, repeated or interleaved with restarts, the sum is
// what the proxies counted up to the last report of each of their lives.
func TestSumsLoseNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := (&Memory{}).of("default/page")
		type proxy struct {
			start           pcommon.Timestamp
			count, reported uint64
		}
		proxies := []*proxy{{start: 1}, {start: 1}, {start: 1}}
		var want uint64
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			n := rapid.IntRange(0, 2).Draw(rt, "proxy")
			p := proxies[n]
			switch rapid.SampledFrom([]string{"request", "report", "restart"}).Draw(rt, "step") {
			case "request":
				p.count += rapid.Uint64Range(1, 9).Draw(rt, "requests")
			case "report":
				want += p.count - p.reported
				p.reported = p.count
				s.add(total(fmt.Sprint(n), p.start, p.count, "200"), 100, began)
			case "restart":
				*p = proxy{start: p.start + 1}
			}
		}
		if got := shown(s, true, began)["200"]; got != want {
			rt.Fatalf("the sum is %d, want %d", got, want)
		}
	})
}

func TestHistogramsAdd(t *testing.T) {
	at := func(buckets ...uint64) value {
		v := value{bounds: []float64{1, 5}, buckets: buckets}
		for i, n := range buckets {
			v.count += n
			v.sum += float64(n) * float64(i)
		}
		return v
	}
	var v value
	v.add(at(1, 2, 3))
	v.add(at(4, 4, 4).since(at(3, 2, 1)))
	if diff := cmp.Diff(at(2, 4, 6), v, cmp.AllowUnexported(value{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	other := value{count: 1, bounds: []float64{7}, buckets: []uint64{1, 0}}
	if got := other.since(v); got.count != 1 {
		t.Errorf("with other bounds all is new: %+v", got)
	}
	v.add(other)
	if v.count != 1 {
		t.Errorf("with other bounds the total begins anew: %+v", v)
	}
}

func TestSumsHandOutCopies(t *testing.T) {
	s := (&Memory{}).of("default/page")
	r := report{stream: "a", start: 1, metric: model.Metric{Name: "h", Kind: model.Histogram}, value: value{count: 1, bounds: []float64{1}, buckets: []uint64{1, 0}}}
	s.add(r, 10, began)
	due := s.due(true, began)
	r.value = value{count: 2, bounds: []float64{1}, buckets: []uint64{2, 0}}
	s.add(r, 10, began)
	if due[0].value.buckets[0] != 1 {
		t.Error("a series that was handed out changes")
	}
}
