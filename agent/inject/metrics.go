package inject

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/krater-mesh/krater/model"
	"go.yaml.in/yaml/v3"
)

// MetricsVariable tells the agent where the application's own metrics are.
const MetricsVariable = "KRATER_APP_METRICS"

// metrics lets Prometheus scrape the agent, which has the application's metrics
// and Envoy's in one page: the application's port takes mTLS only.
func (p *pod) metrics() error {
	given := p.read.Metadata.Annotations
	if !p.settings.mergeMetrics || !yes(given["prometheus.io/scrape"]) {
		return nil
	}
	port, path, scheme := given["prometheus.io/port"], given["prometheus.io/path"], given["prometheus.io/scheme"]
	if port == "" {
		port = "80"
	}
	if path == "" {
		path = "/metrics"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	u, badPath := url.Parse(path)
	if err != nil || n == 0 || badPath != nil || scheme != "" && scheme != "http" || u.Path == "" || u.Host != "" {
		p.annotation("prometheus.io/port", model.Problem{Code: model.CodeInvalidValue, Severity: model.Warning,
			Message: "port, path or scheme cannot be merged: Prometheus is left to ask the application itself", Fix: "want a port, a path, and http"})
		return nil
	}
	target := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", n), Path: u.Path, RawQuery: u.RawQuery}
	p.settings.env = append(p.settings.env, env{Name: MetricsVariable, Value: literal(target.String())})
	metadata, err := child(p.template, "metadata", yaml.MappingNode)
	if err != nil {
		return err
	}
	annotations, err := child(metadata, "annotations", yaml.MappingNode)
	if err != nil {
		return err
	}
	if err := set(annotations, "prometheus.io/port", strconv.Itoa(metricsPort)); err != nil {
		return err
	}
	return set(annotations, "prometheus.io/path", "/stats/prometheus")
}
