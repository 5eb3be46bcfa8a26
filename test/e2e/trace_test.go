package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// TestOneRequestIsOneTree finds all spans of one request to ratings: every hop
// and policyd's decision, each but the first below another.
func TestOneRequestIsOneTree(t *testing.T) {
	m := shared.get(t)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	a := mustAsk(t, "GET", m.Gateway+ratings, "", "traceparent: 00-"+trace+"-b7ad6b7169203331-01")
	if a.status != 200 {
		t.Fatalf("ratings answers %d", a.status)
	}
	file := filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl")
	harness.Until(t, 20*time.Second, "the spans of the request", func() error {
		_, spans := harness.ReadTelemetry(t, file)
		byID := map[string]harness.Span{}
		services := map[string]bool{}
		decided := false
		called := map[string]bool{} // "caller>called", by what each proved or was told
		for _, s := range spans {
			if s.TraceID != trace {
				continue
			}
			byID[s.SpanID] = s
			services[s.Service] = true
			if from := s.Attributes["krater.source.workload"]; from != "" {
				called[from+">"+s.Service] = true
			}
			if to := s.Attributes["krater.destination.workload"]; to != "" {
				called[s.Service+">>"+to] = true
			}
			for k := range s.Attributes {
				decided = decided || strings.HasPrefix(k, "krater.decision.")
			}
		}
		for _, want := range []string{"istio-ingressgateway>productpage-v1", "productpage-v1>ratings-v1", "istio-ingressgateway>>productpage-v1", "productpage-v1>>ratings-v1"} {
			if !called[want] {
				return fmt.Errorf("no span says %s: %v", want, called)
			}
		}
		roots := 0
		for _, s := range byID {
			if _, ok := byID[s.ParentID]; !ok {
				roots++
			}
		}
		for _, want := range []string{"istio-ingressgateway", "productpage-v1", "ratings-v1"} {
			if !services[want] {
				return fmt.Errorf("no span of %s among %v", want, byID)
			}
		}
		if !decided || roots != 1 {
			return fmt.Errorf("%d spans, %d roots, a decision among them: %v\n%v", len(byID), roots, decided, byID)
		}
		return nil
	})
}

// TestOneEditIsOneTrace finds the trace of an edit: from the file's change to
// each proxy's acknowledgement.
func TestOneEditIsOneTrace(t *testing.T) {
	m := shared.get(t)
	m.Restore(t, "reviews.yaml")
	m.Edit(t, "reviews.yaml", "timeout: 3s", "timeout: 2900ms")
	file := filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl")
	harness.Until(t, 20*time.Second, "the spans of the edit", func() error {
		_, spans := harness.ReadTelemetry(t, file)
		traces := map[string]map[string]int{}
		for _, s := range spans {
			if traces[s.TraceID] == nil {
				traces[s.TraceID] = map[string]int{}
			}
			traces[s.TraceID][s.Name]++
			if s.Name == "config.edit" && s.Attributes["krater.edit"] == "edit" {
				traces[s.TraceID]["edit"]++
			}
		}
		var last error = fmt.Errorf("no edit among %d spans", len(spans))
		for _, names := range traces {
			if names["edit"] == 0 {
				continue
			}
			missing := []string{}
			for _, want := range []string{"config.read", "config.apply", "config.snapshot", "xds.translate", "xds.publish", "xds.ack", "xds.settle"} {
				if names[want] == 0 {
					missing = append(missing, want)
				}
			}
			if len(missing) == 0 {
				return nil
			}
			last = fmt.Errorf("the edit's trace lacks %v, has %v", missing, names)
		}
		return last
	})
}

func TestTheMetricsPage(t *testing.T) {
	m := shared.get(t)
	for range 5 {
		mustAsk(t, "GET", m.Gateway+"/productpage", "")
	}
	harness.Until(t, 20*time.Second, "krater_requests_total", func() error {
		a, err := ask("GET", m.Metrics, "")
		if err != nil {
			return err
		}
		for line := range strings.Lines(a.body) {
			if strings.HasPrefix(line, "krater_requests_total{") &&
				strings.Contains(line, `destination_workload="productpage-v1"`) &&
				strings.Contains(line, `source_workload="istio-ingressgateway"`) &&
				strings.Contains(line, `response_code="200"`) && strings.Contains(line, `reporter="destination"`) {
				return nil
			}
		}
		return fmt.Errorf("no such series in\n%s", a.body)
	})
}
