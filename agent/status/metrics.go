package status

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/krater-mesh/krater/model"
)

// maxMetrics bounds what is taken from an application.
const maxMetrics = 64 << 20

// failures counts the times that a part of the metrics could not be had.
type failures struct{ envoy, application atomic.Uint64 }

// metrics gives the agent's own metrics, Envoy's and the application's. A part
// that cannot be had is left out, and counted.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds")))
	defer cancel()
	envoy, err := s.o.Envoy.Metrics(ctx)
	if err != nil {
		s.failed.envoy.Add(1)
	}
	var application []byte
	if m := s.o.AppMetrics(); m != nil {
		if application, err = scrape(ctx, *m); err != nil {
			s.failed.application.Add(1)
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, part := range [][]byte{s.own(), envoy, application} {
		_, _ = w.Write(part)
	}
}

// scrapeTimeout leaves the caller some time of its own.
func scrapeTimeout(header string) time.Duration {
	const most = 10 * time.Second
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || seconds <= 0 || seconds > most.Seconds() {
		return most
	}
	return time.Duration(seconds * 0.9 * float64(time.Second))
}

func (s *Server) own() []byte {
	well := 0
	if s.o.Health.Well() == nil {
		well = 1
	}
	return fmt.Appendf(nil, `# HELP krater_agent_application_healthy Whether the application is well, by its probe.
# TYPE krater_agent_application_healthy gauge
krater_agent_application_healthy %d
# HELP krater_agent_scrape_failures_total Times that a part of these metrics could not be had.
# TYPE krater_agent_scrape_failures_total counter
krater_agent_scrape_failures_total{part="envoy"} %d
krater_agent_scrape_failures_total{part="application"} %d
`, well, s.failed.envoy.Load(), s.failed.application.Load())
}

// application is asked over loopback, never by a proxy; who it is, is not asked.
var application = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func scrape(ctx context.Context, m model.AppMetrics) ([]byte, error) {
	scheme := "http"
	if m.HTTPS {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s://localhost:%d%s", scheme, m.Port, m.Path), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the application for its metrics: %w", err)
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := application.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the application for its metrics: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMetrics+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the application's metrics: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the application answers %d for its metrics", resp.StatusCode)
	case len(body) > maxMetrics:
		return nil, fmt.Errorf("the application has more than %d bytes of metrics", maxMetrics)
	}
	return plain(body), nil
}

// plain ends the text with a line's end, and drops OpenMetrics' last line:
// nothing may come after it.
func plain(body []byte) []byte {
	body = bytes.TrimRight(body, "\n")
	body = bytes.TrimSuffix(body, []byte("# EOF"))
	body = bytes.TrimRight(body, "\n")
	if len(body) == 0 {
		return nil
	}
	return append(body, '\n')
}
